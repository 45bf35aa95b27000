"""Buffers on nets of many pins, as every flow puts them in before timing means anything.

abc buffers what it maps, but sees no net that runs from one kept cell to others: a configuration
bit that 256 comparators read would be one net. Here every net of more than `MOST_PINS` input pins
gets a tree of the library's smallest buffer, the clock apart. Pins are taken as they come: nothing
is known of which are critical.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from asicbnn.calibration.mapped_netlist import ONE, ZERO, Instance, MappedNetlist
from asicbnn.hardware.fanout import MOST_PINS
from asicbnn.technology.liberty import LibertyCell, Library
from asicbnn.technology.liberty.functions import truth_table

_BUFFER = 0b10


def buffered(netlist: MappedNetlist, library: Library, usable: frozenset[str]) -> MappedNetlist:
    """Return the netlist with buffers on its large nets; unchanged if the library has no buffer.

    usable  cells synthesis may map to
    """
    cell = _smallest_buffer(library, usable)
    if cell is None:
        return netlist
    kept = {ZERO, ONE, *(net for nets in _clock_ports(netlist) for net in nets)}
    kept |= _clock_nets(netlist, library)
    growing = _Growing(list(netlist.instances), netlist.nets, cell)
    for net, pins in netlist.loads.items():
        if net not in kept and len(pins) > MOST_PINS:
            growing.divide(net, list(pins))
    return replace(netlist, instances=growing.finished(), nets=growing.nets)


def _smallest_buffer(library: Library, usable: frozenset[str]) -> LibertyCell | None:
    found = [
        cell
        for cell in (library.cells[name] for name in usable)
        if not cell.storages and not cell.clock_gate and _is_buffer(cell)
    ]
    return min(found, key=lambda cell: (cell.area_um2, cell.name), default=None)


def _is_buffer(cell: LibertyCell) -> bool:
    inputs, outputs = [pin.name for pin in cell.inputs()], list(cell.outputs())
    if len(inputs) != 1 or len(outputs) != 1 or not outputs[0].function:
        return False
    return truth_table(outputs[0].function, inputs) == _BUFFER


def _clock_ports(netlist: MappedNetlist) -> list[tuple[int, ...]]:
    return [nets for name, nets in netlist.inputs.items() if name == "clock"]


def _clock_nets(netlist: MappedNetlist, library: Library) -> set[int]:
    """Nets that clock gates drive: their tree is no business of synthesis."""
    return {
        net
        for instance in netlist.instances
        if instance.cell in library.cells and library.cells[instance.cell].clock_gate
        for net in instance.outputs.values()
    }


@dataclass
class _Growing:
    """A netlist while buffers are put in."""

    instances: list[Instance]
    nets: int
    cell: LibertyCell
    moved: dict[int, dict[str, int]] = field(default_factory=dict)
    added: list[Instance] = field(default_factory=list)

    def divide(self, net: int, pins: list[tuple[int, str]]) -> None:
        """Put a tree between a net and its pins; buffers of one level are pins of the next."""
        while len(pins) > MOST_PINS:
            groups = -(-len(pins) // MOST_PINS)
            each = -(-len(pins) // groups)
            starts = range(0, len(pins), each)
            pins = [self._buffer(pins[start : start + each]) for start in starts]
        for index, pin in pins:
            self._move(index, pin, net)

    def _buffer(self, pins: list[tuple[int, str]]) -> tuple[int, str]:
        """Add a buffer that drives some pins; its own input is to be connected."""
        own = next(self.cell.inputs()).name
        index = len(self.instances) + len(self.added)
        out = self.nets
        self.nets += 1
        drives = {next(self.cell.outputs()).name: out}
        name = f"fanout{len(self.added)}"
        self.added.append(Instance(name, self.cell.name, (), {own: ZERO}, drives))
        for sink, pin in pins:
            self._move(sink, pin, out)
        return index, own

    def _move(self, index: int, pin: str, net: int) -> None:
        self.moved.setdefault(index, {})[pin] = net

    def finished(self) -> tuple[Instance, ...]:
        every = [*self.instances, *self.added]
        for index, pins in self.moved.items():
            every[index] = replace(every[index], inputs={**every[index].inputs, **pins})
        return tuple(every)
