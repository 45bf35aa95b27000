"""Verilog of the cells that the written hardware instantiates: adders and clock gate of a library.

Cells are found by what they compute, so any library serves. One without a full adder gets two XOR2
and three NAND2, one without a half adder XOR2 and AND2: what the model composes there as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from asicbnn.calibration.mapping_cells import MappingCells
from asicbnn.technology.liberty import LibertyCell, Library
from asicbnn.technology.liberty.functions import truth_table

_TOTAL = {2: 0b0110, 3: 0b10010110}
_CARRY = {2: 0b1000, 3: 0b11101000}
_XOR2, _NAND2, _AND2 = 0b0110, 0b0111, 0b1000
_EXPRESSIONS = {_XOR2: "{a} ^ {b}", _NAND2: "~({a} & {b})", _AND2: "{a} & {b}"}
_NAMES = {2: "half_adder_cell", 3: "full_adder_cell"}


@dataclass(frozen=True)
class AdderCells:
    """Modules full_adder_cell, half_adder_cell and clock_gate for synthesis.

    text      as Verilog
    composed  adders the library has no cell for
    """

    text: str
    composed: tuple[str, ...]


def adder_cells(library: Library, usable: MappingCells) -> AdderCells:
    """Return the modules for a library, with the smallest cells that may be used."""
    cells = sorted(
        (library.cells[name] for name in usable.names), key=lambda c: (c.area_um2, c.name)
    )
    texts, composed = [], []
    for inputs in (3, 2):
        found = next((m for cell in cells if (m := _adder(cell, inputs))), None)
        if found is None:
            composed.append(_NAMES[inputs].removesuffix("_cell"))
            found = _composed(cells, inputs)
        texts.append(found)
    if gate := next((m for cell in cells if (m := _clock_gate(cell))), None):
        texts.append(gate)
    return AdderCells("\n".join(texts), tuple(composed))


def _adder(cell: LibertyCell, inputs: int) -> str | None:
    """Return the module around one adder cell; outputs may be inverted, inputs are symmetric."""
    pins, outputs = [pin.name for pin in cell.inputs()], list(cell.outputs())
    if len(pins) != inputs or len(outputs) != 2 or cell.storages or cell.clock_gate:
        return None
    full = (1 << (1 << inputs)) - 1
    wanted = {
        _TOTAL[inputs]: ("sum", ""), full ^ _TOTAL[inputs]: ("sum", "~"),
        _CARRY[inputs]: ("carry", ""), full ^ _CARRY[inputs]: ("carry", "~"),
    }  # fmt: skip
    found = {p.name: wanted.get(truth_table(p.function, pins)) for p in outputs if p.function}
    if {port for port, _ in (each for each in found.values() if each)} != {"sum", "carry"}:
        return None
    bound = [f".{pin}({port})" for pin, port in zip(pins, "abc", strict=False)]
    lines = []
    for pin, what in found.items():
        assert what is not None
        port, inverted = what
        bound.append(f".{pin}({port}{'_n' if inverted else ''})")
        if inverted:
            lines += [f"  wire {port}_n;", f"  assign {port} = ~{port}_n;"]
    return _module(inputs, [*lines, f"  (* keep *) {cell.name} cell_i ({', '.join(bound)});"])


def _module(inputs: int, body: list[str]) -> str:
    ports = ", ".join(f"input {port}" for port in "abc"[:inputs])
    head = f"module {_NAMES[inputs]} ({ports}, output sum, output carry);"
    return "\n".join([head, *body, "endmodule", ""])


def _composed(cells: list[LibertyCell], inputs: int) -> str:
    """Return an adder of gates; where the library has no such gate, an expression in its place."""
    gates = _Gates(cells)
    if inputs == 2:
        body = [*gates.of(_XOR2, "sum", "a", "b"), *gates.of(_AND2, "carry", "a", "b")]
        return _module(2, body)
    body = [
        "  wire half, generated, propagated;",
        *gates.of(_XOR2, "half", "a", "b"), *gates.of(_XOR2, "sum", "half", "c"),
        *gates.of(_NAND2, "generated", "a", "b"), *gates.of(_NAND2, "propagated", "half", "c"),
        *gates.of(_NAND2, "carry", "generated", "propagated"),
    ]  # fmt: skip
    return _module(3, body)


class _Gates:
    """Writes gates of two inputs, which are all symmetric here."""

    def __init__(self, cells: list[LibertyCell]) -> None:
        self.cells, self.count = cells, 0

    def of(self, table: int, out: str, a: str, b: str) -> Iterator[str]:
        self.count += 1
        for cell in self.cells:
            pins, outputs = [pin.name for pin in cell.inputs()], list(cell.outputs())
            if len(pins) == 2 and len(outputs) == 1 and not cell.storages and not cell.clock_gate:
                function = outputs[0].function
                if function and truth_table(function, pins) == table:
                    bound = f".{pins[0]}({a}), .{pins[1]}({b}), .{outputs[0].name}({out})"
                    yield f"  (* keep *) {cell.name} gate{self.count} ({bound});"
                    return
        yield f"  assign {out} = {_EXPRESSIONS[table].format(a=a, b=b)};"


def _clock_gate(cell: LibertyCell) -> str | None:
    """Return the module around a clock gate whose latch is open while the clock is low."""
    if not cell.clock_gate.startswith("latch_posedge"):
        return None
    ports = {"gate_clock": "clock", "gate_enable": "enable", "gate_test": "1'b0"}
    bound = [f".{p.name}({ports[p.role]})" for p in cell.inputs() if p.role in ports]
    bound += [f".{p.name}(gated_clock)" for p in cell.outputs()]
    head = "module clock_gate (input clock, input enable, output gated_clock);"
    return "\n".join([head, f"  {cell.name} cell_i ({', '.join(bound)});", "endmodule", ""])
