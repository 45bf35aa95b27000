"""Nets that follow from the same few inputs, so that they need evaluating only if these changed.

Most of a machine is at rest most of the time: configuration, data movers that wait, whatever a
layer does not use. The order of the nets is chosen so that those of like inputs stand together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

import pyrtl

from asicbnn.simulation.backends.netlist import Net, Wire

MOST_NETS = 64
_LEAST_NETS = MOST_NETS // 4


@dataclass(frozen=True, eq=False)
class Cluster:
    """Nets in an order in which they can be evaluated, and the inputs they depend on as a set."""

    nets: tuple[Net, ...]
    inputs: int


def clusters(
    nets: Sequence[Net], inputs: Mapping[int, int], copies: Mapping[Wire, Wire]
) -> list[Cluster]:
    """Return all nets in clusters, each evaluable after the ones before it.

    inputs  the set of inputs each wire that no net computes stands for, by identity, as bits
    copies  wires that are not computed, since they equal another
    """

    def read(net: Net) -> set[int]:
        wires = (wire for wire in net.args if not isinstance(wire, pyrtl.Const))
        return {id(copies.get(wire, wire)) for wire in wires}

    sources = dict(inputs)
    for net in nets:
        sources[id(net.dests[0])] = reduce(or_, (sources[wire] for wire in read(net)), 0)
    found: list[Cluster] = []
    gathered: list[Net] = []
    together = 0
    for net in _like_together(nets, [read(net) for net in nets], sources):
        own = sources[id(net.dests[0])]
        is_other = together | own != together
        if len(gathered) >= MOST_NETS or (len(gathered) >= _LEAST_NETS and is_other):
            found.append(Cluster(tuple(gathered), together))
            gathered, together = [], 0
        gathered.append(net)
        together |= own
    if gathered:
        found.append(Cluster(tuple(gathered), together))
    return found


def _like_together(
    nets: Sequence[Net], reads: Sequence[set[int]], sources: Mapping[int, int]
) -> list[Net]:
    """Order the nets: what is ready and has the inputs of the one before, else nearly them."""
    maker = {id(net.dests[0]): index for index, net in enumerate(nets)}
    readers: list[list[int]] = [[] for _ in nets]
    waits = [0] * len(nets)
    ready: dict[int, list[int]] = {}
    for index, net in enumerate(nets):
        made = [maker[wire] for wire in reads[index] if wire in maker]
        waits[index] = len(made)
        for each in made:
            readers[each].append(index)
        if not made:
            ready.setdefault(sources[id(net.dests[0])], []).append(index)
    order: list[Net] = []
    last = 0
    while ready:
        last = min(ready, key=lambda s: ((s & ~last).bit_count(), (last & ~s).bit_count()))
        for index in ready.pop(last):
            order.append(nets[index])
            for reader in readers[index]:
                waits[reader] -= 1
                if not waits[reader]:
                    ready.setdefault(sources[id(nets[reader].dests[0])], []).append(reader)
    return order
