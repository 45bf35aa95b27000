"""SRAM: fits to real macros, stacked where a memory exceeds the largest of them.

The fits hold between the smallest and the largest macro they were made of. A deeper or wider
memory is several macros with what selects among them; a smaller one is charged as the smallest
macro and says so. Nothing is extrapolated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from asicbnn.errors import ModelError
from asicbnn.technology.cells import Cells
from asicbnn.technology.compiled_memory import Macros, Memory, Ports, WriteMask
from asicbnn.technology.library import Technology
from asicbnn.technology.schema import Figure, Form, Name, NotNegative, read_form

_FIGURES = Path(__file__).parent / "figures"
_FACTOR_TWO = 1.0
_RANDOM_BIT = 0.5


class _Range(Form):
    least: int
    most: int


class _Fit(Form):
    """``per_bit D W + per_word D + per_column W + constant`` for D words of W bits."""

    per_bit: NotNegative
    per_word: NotNegative
    per_column: NotNegative
    constant: NotNegative
    relative_error: NotNegative
    mean_error: NotNegative

    def at(self, macro: Macros) -> float:
        words, bits = macro.words, macro.word_bits
        by_word = (self.per_bit * bits + self.per_word) * words
        return by_word + self.per_column * bits + self.constant


class _AccessFit(Form):
    """``per_log2_word log2 D + per_sqrt_word sqrt D + constant``."""

    per_log2_word: NotNegative
    per_sqrt_word: NotNegative
    constant: NotNegative
    relative_error: NotNegative

    def at(self, macro: Macros) -> float:
        return (
            self.per_log2_word * math.log2(macro.words)
            + self.per_sqrt_word * math.sqrt(macro.words)
            + self.constant
        )


class _PortFits(Form):
    words: _Range
    word_bits: _Range
    capacity_bits: _Range
    area_um2: _Fit
    read_fj: _Fit
    write_fj: _Fit
    leakage_nw_per_bit: NotNegative
    access_ps: _AccessFit


class _SramFile(Form):
    name: Name
    sources: dict[str, Name]
    inverter_toggle_energy_fj: Figure
    write_mask: WriteMask
    ports: dict[Ports, _PortFits]


@lru_cache(maxsize=8)
def _fits(name: str) -> _SramFile:
    path = _FIGURES / f"sram_{name}.yaml"
    if not path.is_file():
        raise ModelError(f"sram.fit: there are no fitted macros named '{name}'")
    return read_form(_SramFile, path.read_bytes(), path.name)


@dataclass(frozen=True, slots=True)
class _Plan:
    """Macros side by side (``columns``) and above each other (``banks``)."""

    columns: int
    banks: int
    macro: Macros
    flags: tuple[str, ...]


def _plan(fits: _PortFits, words: int, word_bits: int) -> _Plan:
    """Use as few macros as hold the memory, equal in size."""
    columns = math.ceil(word_bits / fits.word_bits.most)
    bits = max(math.ceil(word_bits / columns), fits.word_bits.least)
    deepest = min(fits.words.most, fits.capacity_bits.most // bits)
    banks = math.ceil(words / deepest)
    depth = max(
        math.ceil(words / banks), fits.words.least, math.ceil(fits.capacity_bits.least / bits)
    )
    flags = []
    if depth > math.ceil(words / banks) or bits * columns > word_bits + columns - 1:
        flags.append(
            f"SRAM of {words} x {word_bits} bit is smaller than the smallest macro: "
            f"charged as {depth} x {bits * columns}"
        )
    if columns * banks > 1:
        flags.append(f"SRAM of {words} x {word_bits} bit is {columns * banks} macros")
    return _Plan(columns, banks, Macros(columns * banks, depth, bits), tuple(flags))


def _selection(plan: _Plan, word_bits: int) -> Cells:
    """Cells that pick one of the stacked banks: a multiplexer per bit, an enable per macro."""
    others = plan.banks - 1
    return Cells(mux2=word_bits * others, and2=plan.macro.count if others else 0)


def sram(
    technology: Technology, words: int, word_bits: int, ports: Ports, write_mask: WriteMask
) -> Memory:
    """Compile an SRAM. The macros mask bits as they write, so every ``write_mask`` is free."""
    entry = technology.sram
    file = _fits(entry.fit)
    fits = file.ports[ports]
    plan = _plan(fits, words, word_bits)
    selection = _selection(plan, word_bits)
    energy_ratio = technology.inverter_toggle_energy_fj / file.inverter_toggle_energy_fj.value
    energy_ratio = energy_ratio if entry.scaled else 1.0
    picked = plan.columns * energy_ratio
    multiplexers = technology.switching_energy_fj(
        Cells(mux2=word_bits * math.ceil(math.log2(plan.banks))), _RANDOM_BIT
    )
    bits = plan.macro.count * plan.macro.words * plan.macro.word_bits
    leakage = bits * fits.leakage_nw_per_bit * entry.leakage_ratio.value
    access_ps, access_error, access_flags = _access(technology, fits, plan)
    macros_um2 = plan.macro.count * fits.area_um2.at(plan.macro) * entry.area_ratio.value
    return Memory(
        kind="sram",
        words=words,
        word_bits=word_bits,
        ports=ports,
        write_mask=write_mask,
        area_um2=macros_um2 + technology.area_um2(selection),
        read_energy_fj=picked * fits.read_fj.at(plan.macro) + multiplexers,
        write_energy_fj=picked * fits.write_fj.at(plan.macro),
        clock_energy_fj_per_cycle=0.0,
        leakage_nw=leakage + technology.leakage_nw(selection),
        access_ps=access_ps,
        cells=None,
        macros=plan.macro,
        level="scaled" if entry.scaled else "fit",
        area_error=_FACTOR_TWO if entry.scaled else fits.area_um2.relative_error,
        energy_error=_FACTOR_TWO
        if entry.scaled
        else max(fits.read_fj.relative_error, fits.write_fj.relative_error),
        access_error=access_error,
        flags=plan.flags + access_flags + _scaling_flags(technology),
    )


def _access(
    technology: Technology, fits: _PortFits, plan: _Plan
) -> tuple[float, float, tuple[str, ...]]:
    """Access time [ps], its relative error, and what to say about it."""
    entry = technology.sram
    select_ps = math.ceil(math.log2(plan.banks)) * technology.cell("mux2").delay_fo4_ps
    if entry.access == "fit":
        return fits.access_ps.at(plan.macro) + select_ps, fits.access_ps.relative_error, ()
    fo4, error = entry.access.value, entry.access.relative_error or 0.0
    flag = (
        f"SRAM timing of {technology.name} is unknown: assumed {fo4:g} FO4 delays, "
        f"a factor {1 + error:g} either way"
    )
    return fo4 * technology.fo4_delay_ps + select_ps, error, (flag,)


def _scaling_flags(technology: Technology) -> tuple[str, ...]:
    entry = technology.sram
    if not entry.scaled:
        return ()
    ratios = f"{entry.area_ratio.value:.4g} (area) and {entry.leakage_ratio.value:.3g} (leakage)"
    return (f"SRAM of {technology.name} is scaled from {entry.fit} by FO4 toggle energy, {ratios}",)
