"""C for functions that the hardware declares: what they compute, in place of their nets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from asicbnn.hardware.declarations import DeclaredFunction, NumberOfPe, ProductCount
from asicbnn.simulation.backends.netlist import Wire
from asicbnn.simulation.backends.state_layout import LIMB_BITS
from asicbnn.simulation.backends.word_level.c_product_count import Shape, kernel
from asicbnn.simulation.backends.word_level.c_values import Piece, joined

if TYPE_CHECKING:
    from asicbnn.simulation.backends.word_level.c_function import FunctionWriter


def write_declared(writer: FunctionWriter, function: DeclaredFunction) -> None:
    """Write a declared function as part of a C function."""
    if isinstance(function, ProductCount):
        _write_product_count(writer, function)
    else:
        _write_number_of_pe(writer, function)


def _write_number_of_pe(writer: FunctionWriter, function: NumberOfPe) -> None:
    """Take one bit of each plane, if every index is in range."""
    indices = [(writer.value(wire).limb(0), n, step) for wire, n, step in function.indices]
    planes = [writer.value(wire) for wire in function.planes]
    position, bits = writer.fresh("i"), writer.fresh("n")
    total = " + ".join(f"{text} * {step}" for text, _, step in indices)
    inside = " && ".join(f"{text} < {n}" for text, n, _ in indices)
    writer.line(f"const u {position} = {total};")
    writer.line(f"u {bits} = 0;")
    writer.line(f"if ({inside}) {{")
    for index, value in enumerate(planes):
        if value.is_array:
            text = f"{value.text}[{position} >> 6] >> ({position} & 63)"
        else:
            text = f"{value.text} >> {position}"
        writer.line(f"{bits} |= ({text} & 1) << {index};")
    writer.line("}")
    writer.define(function.number, bits)


def _write_product_count(writer: FunctionWriter, function: ProductCount) -> None:
    """Call the vector code of a product count for each pixel; join the planes."""
    shape = Shape.of(function)
    name = f"count{writer.sharing.number_of[id(function.counts[0])]}"
    writer.preface.append(kernel(function, name))
    weights = _padded(writer, [function.weights], shape.weight_limbs, in_place=True)
    planes: list[list[Piece]] = [[] for _ in function.counts]
    for pixel, mask in zip(function.pixels, function.masks, strict=True):
        x = _padded(writer, pixel, shape.bit_limbs, in_place=True)
        m = _padded(writer, mask, shape.bit_limbs, in_place=False)
        _count_pixel(writer, function, planes, f"{name}({weights}, {x}, {m}")
    active = writer.value(function.active)
    for wire, plane in zip(function.counts, planes, strict=True):
        texts = [
            f"({text}) & {active.limb(index)}"
            for index, text in enumerate(joined(plane, wire.bitwidth))
        ]
        if wire.bitwidth <= LIMB_BITS:
            writer.define(wire, texts[0])
            continue
        array = writer.define_array(wire)
        for index, text in enumerate(texts):
            writer.line(f"{array}[{index}] = {text};")


def _count_pixel(
    writer: FunctionWriter, function: ProductCount, planes: list[list[Piece]], call: str
) -> None:
    """Append one pixel's channels to each plane."""
    limbs = max(1, function.channels // LIMB_BITS)
    counted = writer.fresh("c")
    writer.line(f"u {counted}[{len(planes) * limbs}] __attribute__((aligned(64)));")
    writer.line(f"{call}, {counted}, {limbs});")
    for index, plane in enumerate(planes):
        places = [f"{counted}[{index * limbs + limb}]" for limb in range(limbs)]
        plane += [Piece(text, min(LIMB_BITS, function.channels)) for text in places]


def _padded(writer: FunctionWriter, wires: Sequence[Wire], limbs: int, *, in_place: bool) -> str:
    """Pointer to ``limbs`` limbs that begin with the joined wires, then zeros.

    in_place  what follows the wires may be anything: a value at rest will do
    """
    if in_place and len(wires) == 1 and writer.value(wires[0]).is_array:
        return writer.value(wires[0]).text
    bits = sum(wire.bitwidth for wire in wires)
    pieces = [piece for wire in wires for piece in writer.value(wire).pieces(0, wire.bitwidth)]
    name = writer.fresh("p")
    writer.line(f"const u {name}[{limbs}] = {{{', '.join(joined(pieces, bits))}}};")
    return name
