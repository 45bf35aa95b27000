"""Which flip-flops and latches a netlist's clock reaches, and through which clock gates.

The clock is ideal: its edge reaches all flip-flops of a domain at once, as a balanced tree would
bring it. Clock gates are evaluated before the edge and never delay it. What drives latches is a net
that rises with the edge and falls once everything has come to rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from asicbnn.calibration.gate_cells import GateCells
from asicbnn.calibration.mapped_netlist import ONE, ZERO, Instance, MappedNetlist
from asicbnn.calibration.sequential_cells import Flop
from asicbnn.errors import EnvironmentProblem
from asicbnn.technology.liberty import LibertyCell


@dataclass(frozen=True, slots=True)
class Domain:
    """A clock net behind a clock gate, or the root (gate -1), in a list with parents first.

    parent   index of the domain the gate is in, -1 of the root
    gate     index of the clock gate's instance
    enables  nets of which one must be 1
    """

    parent: int
    gate: int
    enables: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class ClockNetwork:
    """Domains, the root first.

    flops   domain of each flip-flop by index of its instance
    latches net of each domain that opens latches
    """

    domains: tuple[Domain, ...]
    flops: Mapping[int, int]
    latches: Mapping[int, int]


def clock_network(netlist: MappedNetlist, cells: GateCells, clock: str) -> ClockNetwork:
    """Follow the clock from its port.

    Raises EnvironmentProblem for a flip-flop the clock does not reach, one that is reset in
    operation, for a clock that is used as data or reaches a cell it cannot be followed through, and
    for a net of the clock with latches and other cells on it.
    """
    domains, flops, latches = [Domain(-1, -1, ())], {}, {}
    waiting = [(net, 0) for net in netlist.inputs.get(clock, ())]
    while waiting:
        net, domain = waiting.pop()
        pins = netlist.loads.get(net, ())
        opened = [_opens(cells.cell(netlist.instances[i].cell), pin) for i, pin in pins]
        if any(opened):
            _check_alone(netlist, net, opened)
            latches[domain] = net
            continue
        for index, pin in pins:
            instance = netlist.instances[index]
            cell = cells.sequential(instance.cell)
            if cell is None or pin != cell.clock:
                raise EnvironmentProblem(
                    f"{netlist.top}: the clock reaches pin {pin} of {instance.name} "
                    f"({instance.cell}), which is no clock pin of a flip-flop or clock gate"
                )
            if isinstance(cell, Flop):
                _check_resets(instance, cell)
                flops[index] = domain
            else:
                enables = tuple(instance.inputs[name] for name in cell.enables)
                domains.append(Domain(domain, index, enables))
                waiting.append((instance.outputs[cell.output], len(domains) - 1))
    _check_all_reached(netlist, cells, flops)
    return ClockNetwork(tuple(domains), flops, latches)


def _opens(cell: LibertyCell, pin: str) -> bool:
    """Say whether a pin opens a latch."""
    return any(x.kind == "latch" and x.clock.strip("() ") == pin for x in cell.storages)


def _check_alone(netlist: MappedNetlist, net: int, opened: list[bool]) -> None:
    if not all(opened):
        raise EnvironmentProblem(
            f"{netlist.top}: net {net} of the clock opens latches and drives other cells too; give "
            "the latches a clock gate of their own"
        )


def _check_all_reached(netlist: MappedNetlist, cells: GateCells, flops: Mapping[int, int]) -> None:
    for index, instance in enumerate(netlist.instances):
        if isinstance(cells.sequential(instance.cell), Flop) and index not in flops:
            raise EnvironmentProblem(
                f"{netlist.top}: the clock does not reach {instance.name} ({instance.cell})"
            )


def _check_resets(instance: Instance, cell: Flop) -> None:
    nets = {name: instance.inputs[name] for name in cell.resets}
    constant = all(net in (ZERO, ONE) for net in nets.values())
    if not constant or cell.is_reset({name: net == ONE for name, net in nets.items()}):
        raise EnvironmentProblem(
            f"{instance.name} ({instance.cell}) has an asynchronous reset in use; "
            f"reset it synchronously"
        )
