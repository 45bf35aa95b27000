"""The end of a cycle: every register and memory takes its new value, all at once.

Narrow values are C variables by then. A wide value may still be a pointer into the very state that
is about to change, so wide registers are copied in an order that reads each before it is
overwritten, memories after them, and only what a cycle of dependencies forces is copied twice.
"""

from __future__ import annotations

from dataclasses import dataclass

from asicbnn.simulation.backends.c_function import FunctionWriter
from asicbnn.simulation.backends.c_values import literal, masked, ones
from asicbnn.simulation.backends.netlist import Net, Netlist, Wire
from asicbnn.simulation.backends.state_layout import LIMB_BITS, limbs_of


@dataclass
class _WideCopy:
    """A wide register, the pointer it copies from, and the other state that pointer may be in."""

    name: str
    bits: int
    source: str
    source_bits: int
    hazards: frozenset[str | int]


def write_state_update(function: FunctionWriter, netlist: Netlist) -> None:
    """Append the statements that end a cycle."""
    for wire in [*netlist.next_of.values(), *(a for net in netlist.writes for a in net.args)]:
        function.value(wire)  # waiting fusions are written before anything changes
    stores: list[str] = []
    copies: list[_WideCopy] = []
    for register in netlist.registers:
        if (source := netlist.next_of[register]) is register:
            continue
        if register.bitwidth > LIMB_BITS:
            copies.append(_wide_copy(function, register, source))
        else:
            stores.append(_narrow_store(function, register, source))
    # Memory writes look at registers and memories before any of them changes.
    stores = [_memory_store(function, net) for net in netlist.writes] + stores
    for copy in _in_safe_order(function, copies):
        _write_copy(function, copy)
    for store in stores:
        function.line(store)


def _narrow_store(function: FunctionWriter, register: Wire, source: Wire) -> str:
    bits, value = register.bitwidth, function.value(source)
    text = value.limb(0)
    if source.bitwidth > bits:
        text = masked(text, bits)
    if value.points_into:
        name = function.fresh("q")
        function.line(f"const u {name} = {text};")
        text = name
    place = function.value(register).text
    return f"{place} = {text};"


def _memory_store(function: FunctionWriter, net: Net) -> str:
    """Capture a write port's address, data and enable; return the statement that writes."""
    address, data, enable = (function.value(wire) for wire in net.args)
    slot = function.layout.memories[net.op_param[0]]
    index, on = function.fresh("a"), function.fresh("e")
    function.line(f"const u {on} = {enable.text};")
    function.line(f"const u {index} = {slot.offset} + {slot.stride} * {address.limb(0)};")
    if slot.bits <= LIMB_BITS:
        word = function.fresh("d")
        function.line(f"const u {word} = {data.limb(0)};")
        return f"if ({on}) S[{index}] = {word};"
    size = 8 * limbs_of(slot.bits)
    source = function.pointer(data, limbs_of(slot.bits))
    if data.points_into:
        kept = f"(S + {function.layout.add_scratch(slot.bits)})"
        function.line(f"if ({on}) memcpy({kept}, {source}, {size});")
        source = kept
    return f"if ({on}) memcpy(S + {index}, {source}, {size});"


def _wide_copy(function: FunctionWriter, register: Wire, source: Wire) -> _WideCopy:
    value = function.value(source)
    pointer = function.pointer(value, limbs_of(register.bitwidth))
    hazards = value.points_into - {register.name}
    return _WideCopy(register.name, register.bitwidth, pointer, source.bitwidth, hazards)


def _in_safe_order(function: FunctionWriter, copies: list[_WideCopy]) -> list[_WideCopy]:
    """Order the copies so that none overwrites what a later one reads."""
    readers = {copy.name: 0 for copy in copies}
    for copy in copies:
        for name in copy.hazards & readers.keys():
            readers[str(name)] += 1
    by_name = {copy.name: copy for copy in copies}
    free = [copy.name for copy in copies if not readers[copy.name]]
    ordered: list[_WideCopy] = []
    while by_name:
        if not free:  # registers that exchange their values: keep one of the readers' sources
            copy = next(copy for copy in by_name.values() if copy.hazards & by_name.keys())
            _release(copy, readers, free)
            _keep_source(function, copy)
            continue
        copy = by_name.pop(free.pop())
        ordered.append(copy)
        _release(copy, readers, free)
    return ordered


def _release(copy: _WideCopy, readers: dict[str, int], free: list[str]) -> None:
    """Note that a copy no longer reads the registers its source may be in."""
    for name in sorted(str(hazard) for hazard in copy.hazards & readers.keys()):
        readers[name] -= 1
        if not readers[name]:
            free.append(name)
    copy.hazards = frozenset()


def _keep_source(function: FunctionWriter, copy: _WideCopy) -> None:
    kept = f"(S + {function.layout.add_scratch(copy.bits)})"
    function.line(f"memcpy({kept}, {copy.source}, {8 * limbs_of(copy.bits)});")
    copy.source = kept


def _write_copy(function: FunctionWriter, copy: _WideCopy) -> None:
    limbs = limbs_of(copy.bits)
    target = f"S + {function.layout.registers[copy.name].offset}"
    function.line(f"if ({copy.source} != {target}) memcpy({target}, {copy.source}, {8 * limbs});")
    if copy.source_bits > copy.bits and (top := copy.bits % LIMB_BITS):
        function.line(f"({target})[{limbs - 1}] &= {literal(ones(top))};")
