"""C that takes what registers hold and memories return, cycle by cycle, into columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from asicbnn.simulation.backends.netlist import Net, Netlist, Wire
from asicbnn.simulation.backends.state_layout import LIMB_BITS, StateLayout
from asicbnn.simulation.backends.word_level.c_function import FunctionWriter, Sharing
from asicbnn.simulation.backends.word_level.c_source import write_functions
from asicbnn.simulation.backends.word_level.c_wide_columns import cell
from asicbnn.simulation.backends.word_level.columns import (
    CYCLES,
    Columns,
    bytes_per_cycle,
    columns_of,
)

_MOST_SCATTERED = 32
"""Limbs of a register that go to their columns in every cycle; longer ones are kept in rows."""

_TAKEN = """\
static const struct {{ uint32_t offset; uint16_t bytes, columns; }} INPUTS[] = {{ {inputs} {{0}} }};
static void repeat(char *V, u from, u to) {{
  for (int i = 0; INPUTS[i].bytes; i++) {{
    const u bytes = INPUTS[i].bytes;
    char *at = V + INPUTS[i].offset;
    for (int k = 0; k < INPUTS[i].columns; k++, at += {cycles} * bytes)
      memcpy(at + bytes * to, at + bytes * from, bytes);
  }}
}}
/* long registers rarely change: they become columns only where they did */
static const struct {{ uint32_t rows, columns, limbs; }} LONG[] = {{ {rows} {{0}} }};
static void spread(char *V, u rows) {{
  for (int i = 0; LONG[i].limbs; i++) {{
    const u limbs = LONG[i].limbs;
    u *before = (u *)(V + LONG[i].rows), *row = before + limbs, *still = row + {cycles} * limbs;
    for (u t = rows; t < {cycles}; t++)
      memcpy(row + limbs * t, row + limbs * (rows - 1), 8 * limbs);
    const int changes = memcmp(before, row, 8 * {cycles} * limbs);
    if (changes || !*still)
      for (u k = 0; k < limbs; k++)
        for (u t = 0; t < {cycles}; t++)
          ((l_ *)(V + LONG[i].columns))[{cycles} * k + t] = row[limbs * t + k];
    *still = !changes;
    memcpy(before, row + {last_cycle} * limbs, 8 * limbs);
  }}
}}
"""


@dataclass(frozen=True, eq=False)
class Rows:
    """Registers of more than `_MOST_SCATTERED` limbs, kept cycle by cycle.

    Each has the row of the cycle before, `CYCLES` rows, and a limb that tells whether the columns
    already hold the last row in every cycle.

    offsets      first byte by identity, behind the columns      total_bytes  columns included
    """

    wires: tuple[Wire, ...]
    offsets: dict[int, int]
    total_bytes: int

    @classmethod
    def of(cls, registers: Sequence[Wire], columns: Columns) -> Rows:
        """Lay out the rows of those registers that are long."""
        wires = tuple(w for w in registers if columns_of(w.bitwidth) > _MOST_SCATTERED)
        offsets, position = {}, columns.total_bytes
        for wire in wires:
            offsets[id(wire)] = position
            position += 8 * ((CYCLES + 1) * columns_of(wire.bitwidth) + 1)
        return cls(wires, offsets, position)


class _InputWriter(FunctionWriter):
    """Writes what registers hold and memories return into cycle ``t`` of their columns."""

    parameters: ClassVar[str] = "u *S, char *V, u t"

    def __init__(self, sharing: Sharing, columns: Columns, rows: Rows) -> None:
        super().__init__(sharing)
        self._columns = columns
        self._rows = rows

    def write(self, net: Net) -> None:
        super().write(net)
        if net.op == "m":
            self.write_down(net.dests[0])

    def write_down(self, wire: Wire) -> None:
        value = self.value(wire)
        if (rows := self._rows.offsets.get(id(wire))) is not None:
            limbs = columns_of(value.bits)
            place = f"(u *)(V + {rows}) + {limbs} * (t + 1)"
            self.line(f"memcpy({place}, {value.text}, {8 * limbs});")
        elif value.bits <= LIMB_BITS:
            self.line(f"{cell(self._columns, wire, 't')} = {value.text};")
        else:
            place = cell(self._columns, wire, "t", "i")
            self.line(f"for (int i = 0; i < {columns_of(value.bits)}; i++)")
            self.line(f"{place} = ({value.text})[i];")


def take_functions(
    netlist: Netlist, layout: StateLayout, columns: Columns, rows: Rows
) -> list[str]:
    """Functions that copy one cycle's registers and memory data."""
    reads = [net for net in netlist.nets if net.op == "m"]
    needed = {id(wire) for net in reads for wire in net.args}
    cone: list[Net] = []
    for net in reversed(netlist.nets):
        if net.op == "m" or id(net.dests[0]) in needed:
            cone.append(net)
            needed |= {id(wire) for wire in net.args}
    only_reads = Netlist(netlist.registers, {}, netlist.memories, (), tuple(reversed(cone)))
    registers = _InputWriter(Sharing(layout, {}, {}, set()), columns, rows)
    for register in netlist.registers:
        registers.write_down(register)
    writers = [
        registers,
        *write_functions(only_reads, layout, lambda sharing: _InputWriter(sharing, columns, rows)),
    ]
    return [writer.text(f"take{index}", "") for index, writer in enumerate(writers)]


def taken_source(inputs: Sequence[Wire], columns: Columns, rows: Rows) -> str:
    """Return ``repeat``, which fills cycles that were not run, and ``spread`` of the rows."""
    place_of = columns.offsets
    copied = [
        f"{{{place_of[id(w)]}, {bytes_per_cycle(w.bitwidth)}, {columns_of(w.bitwidth)}}},"
        for w in inputs
        if id(w) not in rows.offsets
    ]
    long = [
        f"{{{rows.offsets[id(w)]}, {place_of[id(w)]}, {columns_of(w.bitwidth)}}},"
        for w in rows.wires
    ]
    return _TAKEN.format(
        inputs=" ".join(copied), rows=" ".join(long), cycles=CYCLES, last_cycle=CYCLES - 1
    )
