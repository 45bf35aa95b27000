"""Verilog expressions of PyRTL nets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pyrtl import Const, WireVector

_INFIX = {"&": "&", "|": "|", "^": "^", "<": "<", ">": ">", "=": "==", "*": "*", "+": "+", "-": "-"}
_PARTS_PER_LINE = 12

NameOf = Callable[[WireVector], str]


def literal(value: int, bits: int) -> str:
    """Return a sized hexadecimal constant: a decimal one would meet Python's limit at 14 kbit."""
    return f"{bits}'h{value:x}"


def operand(wire: WireVector, name_of: NameOf) -> str:
    """Return a resolved wire as it is written in an expression."""
    return literal(int(wire.val), len(wire)) if isinstance(wire, Const) else name_of(wire)


def expression(net: Any, args: Sequence[WireVector], name_of: NameOf) -> str:
    """Return what a net computes; `args` are its arguments, resolved.

    Raises ValueError for an operation Verilog has no expression for.
    """
    if net.op == "s":
        return sliced(args[0], net.op_param, name_of)
    written = [operand(wire, name_of) for wire in args]
    if net.op == "w":  # into a narrower wire, which cuts it
        return written[0]
    if net.op == "~":
        return f"~{written[0]}"
    if net.op == "n":
        return f"~({written[0]} & {written[1]})"
    if net.op == "x":
        return f"{written[0]} ? {written[2]} : {written[1]}"
    if net.op == "c":
        return joined(_repeated(_constants_merged(args, written)))
    if net.op in _INFIX:
        return f"{written[0]} {_INFIX[net.op]} {written[1]}"
    raise ValueError(f"no Verilog for operation {net.op!r}")


def sliced(wire: WireVector, bits: Sequence[int], name_of: NameOf) -> str:
    """Return chosen bits of a wire, the first one least significant."""
    if isinstance(wire, Const):
        value = sum((int(wire.val) >> bit & 1) << i for i, bit in enumerate(bits))
        return literal(value, len(bits))
    name = name_of(wire)
    parts: list[str] = []
    for high, low in _runs(list(reversed(bits))):
        parts.append(part_of(name, len(wire), low, high))
    return joined(_repeated(parts))


def part_of(name: str, bits: int, low: int, high: int) -> str:
    """Return bits low to high of a vector of `bits` bits: a scalar has no parts to choose."""
    if (low, high) == (0, bits - 1):
        return name
    return f"{name}[{high}:{low}]" if high != low else f"{name}[{high}]"


def _runs(bits: Sequence[int]) -> list[tuple[int, int]]:
    """Cut descending bit numbers into ranges (highest, lowest)."""
    runs: list[tuple[int, int]] = []
    for bit in bits:
        if runs and runs[-1][1] == bit + 1:
            runs[-1] = (runs[-1][0], bit)
        else:
            runs.append((bit, bit))
    return runs


def _constants_merged(args: Sequence[WireVector], written: Sequence[str]) -> list[str]:
    """Write neighbouring constants as one: simulators are slow with long replications of them."""
    parts: list[str] = []
    value = bits = 0
    for wire, text in zip(args, written, strict=True):
        if isinstance(wire, Const):
            value, bits = value << len(wire) | int(wire.val), bits + len(wire)
            continue
        parts += [literal(value, bits)] if bits else []
        parts.append(text)
        value = bits = 0
    return parts + ([literal(value, bits)] if bits else [])


def _repeated(parts: Sequence[str]) -> list[str]:
    """Write equal neighbours as a replication."""
    counted: list[tuple[str, int]] = []
    for part in parts:
        if counted and counted[-1][0] == part:
            counted[-1] = (part, counted[-1][1] + 1)
        else:
            counted.append((part, 1))
    return [part if n == 1 else f"{{{n}{{{part}}}}}" for part, n in counted]


def joined(parts: Sequence[str]) -> str:
    """Return a concatenation, most significant part first, wrapped where it is long."""
    if len(parts) == 1:
        return parts[0]
    lines = [
        ", ".join(parts[i : i + _PARTS_PER_LINE]) for i in range(0, len(parts), _PARTS_PER_LINE)
    ]
    return "{" + ",\n    ".join(lines) + "}"
