"""Macros side by side and above each other, and what the memory they make up costs.

A word wider than a macro lies in several side by side, all read at once; a memory deeper than a
macro has banks, of which one is read, and a multiplexer per bit that picks its word.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from asicbnn.errors import ModelError
from asicbnn.technology.cells import Cells
from asicbnn.technology.compiled_memory import MacroUse, Ports, WriteMask
from asicbnn.technology.library import Technology
from asicbnn.technology.macro import MacroList, SramMacro

_RANDOM_BIT = 0.5


@dataclass(frozen=True, slots=True)
class MacroStack:
    """``columns`` of (macro, how many side by side), all equally deep, ``banks`` times."""

    columns: tuple[tuple[SramMacro, int], ...]
    banks: int

    @property
    def depth(self) -> int:
        """Words of a bank."""
        return self.columns[0][0].words

    @property
    def macros(self) -> int:
        """Instances in all."""
        return self.banks * sum(count for _, count in self.columns)

    @property
    def word_bits(self) -> int:
        """Bits of a word, those that are not asked for among them."""
        return sum(count * macro.word_bits for macro, count in self.columns)

    def uses(self) -> tuple[MacroUse, ...]:
        """Return what a reader wants to know of the macros."""
        return tuple(
            MacroUse(
                name=macro.name,
                count=self.banks * count,
                words=macro.words,
                word_bits=macro.word_bits,
                banks=self.banks,
                column_mux=macro.column_mux,
                read_latency_cycles=macro.read_latency_cycles,
                minimum_cycle_ps=macro.minimum_cycle_ps,
                is_synthetic=macro.is_synthetic,
            )
            for macro, count in self.columns
        )

    def selection(self, word_bits: int) -> Cells:
        """Cells that pick one of the banks: a multiplexer per bit, an enable per macro."""
        others = self.banks - 1
        return Cells(mux2=word_bits * others, and2=self.macros if others else 0)

    def each(self, figure: str) -> float:
        """Sum of a figure over the macros of one bank; 0 where it is not known."""
        return sum(count * (getattr(macro, figure) or 0.0) for macro, count in self.columns)

    def slowest_ps(self, figure: str) -> float:
        """Largest of a delay among the macros; 0 where it is not known."""
        return max((getattr(macro, figure) or 0.0 for macro, _ in self.columns), default=0.0)


@dataclass(frozen=True, slots=True)
class StackCosts:
    """Figures of a memory made of macros, as those of `Memory`."""

    area_um2: float
    read_energy_fj: float
    write_energy_fj: float
    leakage_nw: float
    access_ps: float
    minimum_cycle_ps: float


def stack_costs(technology: Technology, stack: MacroStack, word_bits: int) -> StackCosts:
    """Cost of a stack and of what selects its banks; one bank works in an access."""
    selection = stack.selection(word_bits)
    levels = math.ceil(math.log2(stack.banks))
    picked_fj = technology.switching_energy_fj(Cells(mux2=word_bits * levels), _RANDOM_BIT)
    select_ps = levels * technology.cell("mux2").delay_fo4_ps
    access_ps = stack.slowest_ps("access_ps") + select_ps
    return StackCosts(
        area_um2=stack.banks * stack.each("area_um2") + technology.area_um2(selection),
        read_energy_fj=stack.each("read_energy_fj") + picked_fj,
        write_energy_fj=stack.each("write_energy_fj"),
        leakage_nw=stack.banks * stack.each("leakage_nw") + technology.leakage_nw(selection),
        access_ps=access_ps,
        minimum_cycle_ps=max(access_ps, stack.slowest_ps("minimum_cycle_ps")),
    )


@lru_cache(maxsize=4096)
def smallest_stack(
    technology: Technology,
    listed: MacroList,
    words: int,
    word_bits: int,
    ports: Ports | None,
    write_mask: WriteMask,
) -> MacroStack:
    """Return the stack of least area that holds a memory, all banks equal; None is a ROM's port.

    Raises ModelError naming what there is if no macro has the ports and the write mask.
    """
    fitting = [
        macro
        for macro in listed.macros
        if (macro.ports == "rom" if ports is None else macro.serves(ports, write_mask))
        and macro.read_latency_cycles == 1
    ]
    if not fitting:
        raise ModelError(_nothing_fits(listed, ports, write_mask))
    stacks = []
    for depth in sorted({macro.words for macro in fitting}):
        columns = _columns([macro for macro in fitting if macro.words == depth], word_bits)
        stacks.append(MacroStack(columns, -(-words // depth)))
    return min(stacks, key=lambda stack: stack_costs(technology, stack, word_bits).area_um2)


def _nothing_fits(listed: MacroList, ports: Ports | None, write_mask: WriteMask) -> str:
    asked = f"ports {ports or 'rom'}"
    if write_mask != "none":
        asked += f" and writes single {write_mask}s"
    kinds = sorted({f"{m.ports}, write mask {m.write_mask}" for m in listed.macros})
    late = any(macro.read_latency_cycles > 1 for macro in listed.macros)
    more = "; those that take more than one cycle to read cannot be used" if late else ""
    return f"no macro of {listed.name} has {asked} (there are: {'; '.join(kinds)}){more}"


def _columns(macros: Iterable[SramMacro], word_bits: int) -> tuple[tuple[SramMacro, int], ...]:
    """Return the macros side by side that cover a word with the least area, then the fewest.

    least[n] is the best way to cover n units of the widths' common divisor.
    """
    kinds = list(macros)
    unit = math.gcd(*(macro.word_bits for macro in kinds))
    widths = [macro.word_bits // unit for macro in kinds]
    units = -(-word_bits // unit)
    least: list[tuple[float, int]] = [(0.0, 0)]
    last = [0]
    for n in range(1, units + 1):
        offers = []
        for index, (macro, width) in enumerate(zip(kinds, widths, strict=True)):
            area, count = least[max(0, n - width)]
            offers.append((area + macro.area_um2, count + 1, index))
        area, count, index = min(offers)
        least.append((area, count))
        last.append(index)
    used: dict[int, int] = {}
    while units > 0:
        used[last[units]] = used.get(last[units], 0) + 1
        units -= widths[last[units]]
    return tuple((kinds[index], count) for index, count in sorted(used.items()))


__all__ = ["MacroStack", "StackCosts", "smallest_stack", "stack_costs"]
