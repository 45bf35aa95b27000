"""How the steps advance their addresses: a sum each, but where rings wrap and pooling carries."""

from __future__ import annotations

from collections.abc import Mapping

import pyrtl
from pyrtl import Const, WireVector

from asicbnn.hardware.component import Gates, summed
from asicbnn.hardware.configuration import Configuration
from asicbnn.hardware.fetch import ring_add, ring_add_gates
from asicbnn.hardware.sequencer import Fields, plain_adder, plain_adder_gates
from asicbnn.hardware.wires import (
    add,
    add_gates,
    below_gates,
    choose,
    sized,
    subtract_gates,
)
from asicbnn.spec.accelerator import Accelerator


def step_adder(
    cfg: Fields, at: dict[str, WireVector], by: dict[str, WireVector]
) -> dict[str, WireVector]:
    """Base plus stride; input addresses wrap at the ring, pooled addresses carry."""
    is_ring = "ring_words" in cfg and "input" in at
    apart = {"phase_y", "phase_x"} | ({"input"} if is_ring else set())
    total = plain_adder({q: wire for q, wire in at.items() if q not in apart}, by)
    if is_ring:
        total["input"] = ring_add(at["input"], by["input"], cfg["ring_words"], len(at["input"]))
    if "phase_y" in at:
        for axis, store_step, pool_step in (
            ("y", cfg["row_step"], cfg["pool_row"]),
            ("x", cfg["record_step"], None),
        ):
            total[f"phase_{axis}"], carry = phase_add(
                at[f"phase_{axis}"], by[f"phase_{axis}"], cfg["pool_last"]
            )
            for q, step in (("store", store_step), ("pool", pool_step)):
                width = len(total[q])
                more = Const(1, width) if step is None else sized(step, width)
                total[q] = add(total[q], choose(carry, more, 0, width), width)
    return total


def step_adder_gates(
    accelerator: Accelerator, c: Configuration, widths: Mapping[str, int]
) -> Gates:
    """Gates of `step_adder` for quantities of these widths [bit]."""
    has_ring = accelerator.buffers.input.circular_rows
    plain = {q: bits for q, bits in widths.items() if q not in ("input", "phase_y", "phase_x")}
    parts = [plain_adder_gates(plain)]
    if "input" in widths:
        parts.append(ring_add_gates(widths["input"], has_ring))
    if "phase_y" in widths:
        carried = (add_gates(c.widths.store), add_gates(c.widths.pool))
        more = Gates(mux2=c.widths.store + c.widths.pool)
        parts.append(summed(phase_add_gates(c.widths.phase), *carried, more).times(2))
    return summed(*parts)


def phase_add(at: WireVector, by: WireVector, last: WireVector) -> tuple[WireVector, WireVector]:
    """(at + by) modulo (last + 1) and its carry; both addends are at most last + 1."""
    width = len(at) + 1
    total = (sized(at, width) + sized(by, width)).truncate(width)
    carry = total > sized(last, width)
    less = (total - sized(last, width) - Const(1, width)).truncate(width)
    return pyrtl.select(carry, less, total).truncate(len(at)), carry


def phase_add_gates(bits: int) -> Gates:
    """Gates of `phase_add` on phases of `bits`; the second subtraction keeps the borrow."""
    width = bits + 1
    twice = (subtract_gates(width), subtract_gates(width + 1))
    return summed(add_gates(width), below_gates(width), *twice, Gates(mux2=width))
