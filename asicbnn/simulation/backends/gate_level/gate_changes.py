"""Which sections of gates have anything to do in a cycle.

A section none of whose inputs changed would compute what it computed before; an accelerator that
waits for its memories spends most cycles so. Every input sets a flag in A in the cycle in which it
differs from the cycle before: limbs handed over, registers, words read, memories written, sections
that ran. What changes between calls of the generated code is not seen: a call's first cycle runs
every section.
"""

from __future__ import annotations

from collections.abc import Sequence

from asicbnn.simulation.backends.gate_level.gate_layout import Export, GateLayout
from asicbnn.simulation.backends.gate_level.gate_netlist import READ, SOURCE, GateNetlist
from asicbnn.simulation.backends.gate_level.gate_plan import Section, Span, Unit
from asicbnn.simulation.backends.state_layout import LIMB_BITS, limbs_of

ALWAYS = "1"


class ChangeFlags:
    """Flags by what they stand for; numbered in A behind whatever is there already."""

    def __init__(self, gates: GateNetlist, layout: GateLayout) -> None:
        self._gates, self._layout = gates, layout
        self._base = len(layout.reads)
        self.limbs: list[tuple[Export, int]] = [
            (export, limb)
            for export in layout.exports.values()
            if export.mask is not None
            for limb in range(limbs_of(export.bitwidth))
        ]
        self._numbers: dict[tuple[str, object], int] = {
            ("limb", (export.name, limb)): number
            for number, (export, limb) in enumerate(self.limbs)
        }
        self._section_of: dict[int, int] = {}
        layout.flags = len(self._numbers)

    def flag(self, kind: str, key: object) -> str:
        """C name of a flag: limb, register (by name), memory (by id), read, section (by number)."""
        number = self._numbers.setdefault((kind, key), len(self._numbers))
        self._layout.flags = len(self._numbers)
        return f"A[{self._base + number}]"

    @property
    def first_limb(self) -> int:
        """Element of A that is the flag of the first limb handed over; the others follow."""
        return self._base

    def conditions(self, sections: Sequence[Section]) -> list[str]:
        """Per section a C expression: whether any of its inputs changed."""
        for number, section in enumerate(sections):
            for unit in section.units:
                for lane in range(unit.width):
                    self._section_of[unit.span.first + unit.span.step * lane] = number
        return [self._condition(number, section) for number, section in enumerate(sections)]

    def _condition(self, number: int, section: Section) -> str:
        flags: dict[str, None] = {}
        for unit in section.units:
            if unit.kind == READ:
                return ALWAYS
            for span in unit.operands:
                flags.update(dict.fromkeys(self._inputs(number, unit, span)))
        return ALWAYS if ALWAYS in flags else " | ".join(["first", *flags])

    def _inputs(self, number: int, unit: Unit, span: Span) -> list[str]:
        """Flags of what an operand is made of."""
        signals = range(span.first, span.first + span.step * (unit.width - 1) + 1)
        kind, origin = self._gates.kinds[span.first], self._gates.origins[span.first]
        if kind == SOURCE:
            wire = self._gates.sources[origin]
            if wire.name in self._layout.registers and wire not in self._layout.exports:
                return [self.flag("register", wire.name)]
            name = self._layout.exports[wire].name
            limbs = {(signal - origin) // LIMB_BITS for signal in (signals[0], signals[-1])}
            every = range(min(limbs), max(limbs) + 1)
            return [self.flag("limb", (name, limb)) for limb in every]
        if kind == READ:
            if origin in self._section_of:  # its address is made of gates
                return [ALWAYS]
            memory = self._gates.reads[origin].memory.id
            return [self.flag("read", origin), self.flag("memory", memory)]
        homes = {self._section_of[signal] for signal in signals if signal in self._section_of}
        return [self.flag("section", home) for home in sorted(homes - {number})]
