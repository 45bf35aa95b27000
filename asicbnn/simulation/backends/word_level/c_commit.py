"""The end of a cycle: every register and memory takes its new value, all at once.

Narrow values are C variables by then. A wide value may still be a pointer into the very state that
is about to change, so wide registers are copied in an order that reads each before it is
overwritten, memories after them, and only what a cycle of dependencies forces is copied twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from asicbnn.simulation.backends.netlist import Net, Wire
from asicbnn.simulation.backends.state_layout import LIMB_BITS, limbs_of
from asicbnn.simulation.backends.word_level.c_function import FunctionWriter
from asicbnn.simulation.backends.word_level.c_values import literal, masked, ones


@dataclass
class _WideCopy:
    """A wide register, the pointer it copies from, and the other state that pointer may be in."""

    name: str
    bits: int
    source: str
    source_bits: int
    hazards: frozenset[str | int]
    guard: str


@dataclass(frozen=True)
class Update:
    """State that changes together at one place of a cycle.

    next_of    what each register takes
    writes     write ports of memories
    condition_of  C expression without which a register or write port keeps its state, if any
    """

    next_of: Mapping[Wire, Wire]
    writes: Sequence[Net] = ()
    condition_of: Mapping[object, str] = field(default_factory=dict)


def write_state_update(function: FunctionWriter, update: Update) -> None:
    """Append the statements that change state."""
    for wire in [*update.next_of.values(), *(a for net in update.writes for a in net.args)]:
        function.value(wire)  # waiting fusions are written before anything changes
    on = _captured(function, update)
    stores: list[str] = []
    copies: list[_WideCopy] = []
    for register, source in update.next_of.items():
        if source is register:
            continue
        guard = on.get(register, "")
        if register.bitwidth > LIMB_BITS:
            copies.append(_wide_copy(function, register, source, guard))
        else:
            stores.append(guard + _narrow_store(function, register, source))
    _write_memories(function, update, copies, on)
    for copy in _in_safe_order(function, copies):
        _write_copy(function, copy)
    for store in stores:
        function.line(store)


def _captured(function: FunctionWriter, update: Update) -> dict[object, str]:
    """Evaluate each condition once, before any state changes; return the guards."""
    names: dict[str, str] = {}
    for text in dict.fromkeys(update.condition_of.values()):
        names[text] = function.fresh("on")
        function.line(f"const u {names[text]} = {text};")
    return {key: f"if ({names[text]}) " for key, text in update.condition_of.items()}


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


def _write_memories(
    function: FunctionWriter, update: Update, copies: list[_WideCopy], on: Mapping[object, str]
) -> None:
    """Write memories while registers still have their old values.

    What points into a memory that is written is kept before. Ports under one condition are looked
    at only if it holds.
    """
    written = {net.op_param[0] for net in update.writes}
    for copy in copies:
        if copy.hazards & written:
            _keep_source(function, copy)
            copy.hazards -= written
    data_of = {id(net): _write_data(function, net, written) for net in update.writes}
    for guard, ports in groupby(update.writes, key=lambda net: on.get(id(net), "")):
        function.line(f"{guard}{{")
        for net in ports:
            address, _, enable = (function.value(wire) for wire in net.args)
            slot = function.layout.memories[net.op_param[0]]
            place = f"{slot.offset} + {slot.stride} * {address.limb(0)}"
            if slot.bits <= LIMB_BITS:
                store = f"S[{place}] = {data_of[id(net)]};"
            else:
                size = 8 * limbs_of(slot.bits)
                store = f"memcpy(S + {place}, {data_of[id(net)]}, {size});"
            function.line(f"if ({enable.text}) {store}")
        function.line("}")


def _write_data(function: FunctionWriter, net: Net, written: set[int]) -> str:
    """C expression of a port's data, out of reach of the writes of this cycle."""
    data = function.value(net.args[1])
    slot = function.layout.memories[net.op_param[0]]
    if slot.bits <= LIMB_BITS:
        return data.limb(0)
    source = function.pointer(data, limbs_of(slot.bits))
    if data.points_into & written:
        kept = f"(S + {function.layout.add_scratch(slot.bits)})"
        function.line(f"memcpy({kept}, {source}, {8 * limbs_of(slot.bits)});")
        return kept
    return source


def _wide_copy(function: FunctionWriter, register: Wire, source: Wire, guard: str) -> _WideCopy:
    value = function.value(source)
    pointer = function.pointer(value, limbs_of(register.bitwidth))
    hazards = value.points_into - {register.name}
    return _WideCopy(register.name, register.bitwidth, pointer, source.bitwidth, hazards, guard)


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
    function.line(
        f"{copy.guard}if ({copy.source} != {target}) memcpy({target}, {copy.source}, {8 * limbs});"
    )
    if copy.source_bits > copy.bits and (top := copy.bits % LIMB_BITS):
        function.line(f"{copy.guard}({target})[{limbs - 1}] &= {literal(ones(top))};")
