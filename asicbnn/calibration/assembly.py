"""Components of an accelerator that were mapped apart, as one netlist again.

Mapping them apart keeps apart who takes which energy; joined, a component's outputs have their true
load, and its glitches reach the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from asicbnn.calibration.joined_nets import ONE, ZERO, JoinedNets
from asicbnn.calibration.mapped_netlist import Instance, MappedNetlist

SHARED = ("clock", "reset")
"""Ports every component has, if it needs them, and all have in common."""


@dataclass(frozen=True, eq=False)
class Component:
    """A mapped component.

    entering, leaving  wire of the accelerator by port
    """

    netlist: MappedNetlist
    entering: Mapping[str, str]
    leaving: Mapping[str, str]


def assembled(name: str, components: Mapping[str, Component]) -> MappedNetlist:
    """Join components where one's port leaves by the wire another's enters.

    components  by name, which becomes the outermost scope of its instances and wires

    The inputs of the netlist are the wires no component drives, its outputs the wires any does.
    """
    return _Joining(name, components).netlist()


class _Joining:
    def __init__(self, name: str, components: Mapping[str, Component]) -> None:
        self.name, self.components = name, components
        self._joined = JoinedNets()
        self._own: dict[str, list[int]] = {}
        for key, component in components.items():
            fresh = [self._joined.fresh() for _ in range(component.netlist.nets - 2)]
            self._own[key] = [ZERO, ONE, *fresh]

    def netlist(self) -> MappedNetlist:
        driven, read = self._ends()
        for wire in read.keys() | driven.keys():
            first, *others = driven.get(wire, []) + read.get(wire, [])
            for other in others:
                for a, b in zip(first, other, strict=True):
                    self._joined.join(a, b)
        inputs = {w: self._final(ends[0]) for w, ends in read.items() if w not in driven}
        outputs = {w: self._final(ends[0]) for w, ends in driven.items()}
        instances = tuple(self._instances())
        wires = {
            f"{key}.{wire}": self._final(self._shifted(key, nets))
            for key, component in self.components.items()
            for wire, nets in component.netlist.wires.items()
        }
        return MappedNetlist(self.name, inputs, outputs, instances, self._joined.count, wires)

    def _ends(self) -> tuple[dict[str, list[list[int]]], dict[str, list[list[int]]]]:
        """Nets of each wire in the components that drive it, and in those that read it."""
        driven: dict[str, list[list[int]]] = {}
        read: dict[str, list[list[int]]] = {}
        for key, component in self.components.items():
            found = component.netlist
            for port, wire in component.leaving.items():
                driven.setdefault(wire, []).append(self._shifted(key, found.outputs[port]))
            shared = {port: port for port in SHARED if port in found.inputs}
            for port, wire in {**component.entering, **shared}.items():
                read.setdefault(wire, []).append(self._shifted(key, found.inputs[port]))
        return driven, read

    def _instances(self) -> Iterator[Instance]:
        for key, component in self.components.items():
            for x in component.netlist.instances:
                inputs, outputs = (
                    dict(zip(side, self._final(self._shifted(key, side.values())), strict=True))
                    for side in (x.inputs, x.outputs)
                )
                yield Instance(f"{key}.{x.name}", x.cell, (key, *x.scope), inputs, outputs)

    def _shifted(self, key: str, nets: Iterable[int]) -> list[int]:
        return [self._own[key][net] for net in nets]

    def _final(self, nets: Iterable[int]) -> tuple[int, ...]:
        return tuple(map(self._joined.final, nets))
