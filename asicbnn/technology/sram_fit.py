"""The fitted SRAM model: a macro of any size inside the range of the macros it was fitted to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from asicbnn.errors import ModelError
from asicbnn.technology.compiled_memory import Ports, WriteMask
from asicbnn.technology.form import Figure, Form, Name, NotNegative, read_form
from asicbnn.technology.library import Technology
from asicbnn.technology.macro import SramMacro
from asicbnn.technology.macro_stack import MacroStack

_FIGURES = Path(__file__).parent / "figures"
FACTOR_TWO = 1.0


class Range(Form):
    """The sizes a fit was made of."""

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

    def at(self, words: int, bits: int) -> float:
        by_word = (self.per_bit * bits + self.per_word) * words
        return by_word + self.per_column * bits + self.constant


class _AccessFit(Form):
    """``per_log2_word log2 D + per_sqrt_word sqrt D + constant``."""

    per_log2_word: NotNegative
    per_sqrt_word: NotNegative
    constant: NotNegative
    relative_error: NotNegative

    def at(self, words: int) -> float:
        growth = self.per_log2_word * math.log2(words) + self.per_sqrt_word * math.sqrt(words)
        return growth + self.constant


class PortFits(Form):
    """The fits for macros of one kind of ports, and the sizes they hold for."""

    words: Range
    word_bits: Range
    capacity_bits: Range
    area_um2: _Fit
    read_fj: _Fit
    write_fj: _Fit
    leakage_nw_per_bit: NotNegative
    access_ps: _AccessFit

    @property
    def range(self) -> str:
        """The sizes the fits hold for, in words."""
        return (
            f"{self.words.least:,} to {self.words.most:,} words, {self.word_bits.least} to "
            f"{self.word_bits.most} bit and {self.capacity_bits.least:,} to "
            f"{self.capacity_bits.most:,} bit in all"
        )

    def holds(self, words: int, bits: int) -> bool:
        """Return whether a macro of this size lies within the range."""
        return (
            self.words.least <= words <= self.words.most
            and self.word_bits.least <= bits <= self.word_bits.most
            and self.capacity_bits.least <= words * bits <= self.capacity_bits.most
        )


class FitFile(Form):
    """Macros of one technology, fitted."""

    name: Name
    sources: dict[str, Name]
    inverter_toggle_energy_fj: Figure
    write_mask: WriteMask
    ports: dict[Ports, PortFits]


@lru_cache(maxsize=8)
def fits(name: str) -> FitFile:
    """Return the fits of that name; ModelError if there are none."""
    path = _FIGURES / f"sram_{name}.yaml"
    if not path.is_file():
        raise ModelError(f"sram.fit: there are no fitted macros named '{name}'")
    return read_form(FitFile, path.read_bytes(), path.name)


@dataclass(frozen=True, slots=True)
class FittedMacro:
    """A macro as the fit sees it in a technology, with the relative errors of its figures."""

    macro: SramMacro
    area_error: float
    energy_error: float
    access_error: float
    flags: tuple[str, ...]


def fitted_macro(technology: Technology, words: int, bits: int, ports: Ports) -> FittedMacro:
    """Return the fit at a size, in range or not; other technologies are scaled to.

    Energy scales with the toggle energy of an inverter loaded by four, area and leakage with the
    ratios of the technology file (docs/models/technology.md).
    """
    entry = technology.sram
    file = fits(entry.fit)
    fit = file.ports[ports]
    toggles = technology.inverter_toggle_energy_fj / file.inverter_toggle_energy_fj.value
    ratio = toggles * _ratio_of(entry.energy_ratio) if entry.scaled else 1.0
    access_ps, access_error, flags = _access(technology, fit, words)
    macro = SramMacro(
        name=f"fit {words} x {bits}",
        words=words,
        word_bits=bits,
        ports=ports,
        area_um2=fit.area_um2.at(words, bits) * entry.area_ratio.value,
        read_energy_fj=ratio * fit.read_fj.at(words, bits),
        write_energy_fj=ratio * fit.write_fj.at(words, bits),
        leakage_nw=words * bits * fit.leakage_nw_per_bit * entry.leakage_ratio.value,
        access_ps=access_ps,
        write_mask=file.write_mask,
        is_synthetic=True,
        voltage_v=technology.voltage_v,
    )
    energy_error = max(fit.read_fj.relative_error, fit.write_fj.relative_error)
    return FittedMacro(
        macro,
        _scaled_error(entry.area_ratio) if entry.scaled else fit.area_um2.relative_error,
        _scaled_error(entry.energy_ratio) if entry.scaled else energy_error,
        access_error,
        (*flags, *_scaling_flags(technology)),
    )


def _ratio_of(figure: Figure | None) -> float:
    return figure.value if figure is not None else 1.0


def _scaled_error(figure: Figure | None) -> float:
    """Return the error of what is scaled by a ratio: its own, or a factor of 2 either way."""
    stated = figure.relative_error if figure is not None else None
    return FACTOR_TWO if stated is None else stated


def _access(
    technology: Technology, fit: PortFits, words: int
) -> tuple[float, float, tuple[str, ...]]:
    """Access time [ps], its relative error, and what to say about it."""
    entry = technology.sram
    if entry.access == "fit":
        return fit.access_ps.at(words), fit.access_ps.relative_error, ()
    fo4, error = entry.access.value, entry.access.relative_error or 0.0
    flag = (
        f"SRAM timing of {technology.name} is unknown: assumed {fo4:g} FO4 delays, "
        f"a factor {1 + error:g} either way"
    )
    return fo4 * technology.fo4_delay_ps, error, (flag,)


def _scaling_flags(technology: Technology) -> tuple[str, ...]:
    entry = technology.sram
    if not entry.scaled:
        return ()
    energy = f"{_ratio_of(entry.energy_ratio):.3g} (energy)"
    ratios = f"{entry.area_ratio.value:.4g} (area) and {entry.leakage_ratio.value:.3g} (leakage)"
    scaled = f"SRAM of {technology.name} is scaled from {entry.fit}"
    said = f"{scaled} by FO4 toggle energy times {energy}"
    bands = [1 + _scaled_error(x) for x in (entry.energy_ratio, entry.area_ratio)]
    within = f"within {bands[0]:.3g} (energy) and {bands[1]:.3g} times (area) either way"
    return (f"{said}, {ratios}; {within}",)


def fitted_size(
    technology: Technology, words: int, word_bits: int, ports: Ports
) -> tuple[int, int, int, int]:
    """Cut a memory into as few equal macros as the largest allow.

    Returns how many lie side by side and above each other, and the words and bits of each; these
    may be smaller than any macro the fit was made of.
    """
    fit = fits(technology.sram.fit).ports[ports]
    columns = -(-word_bits // fit.word_bits.most)
    bits = -(-word_bits // columns)
    deepest = min(fit.words.most, fit.capacity_bits.most // max(bits, fit.word_bits.least))
    banks = -(-words // deepest)
    return columns, banks, -(-words // banks), bits


def fitted_stack(
    technology: Technology, words: int, word_bits: int, ports: Ports, *, extrapolate: bool
) -> tuple[MacroStack, FittedMacro]:
    """Return the stack of fitted macros that makes up a memory.

    Raises ModelError naming the range for a memory smaller than the smallest fitted macros, unless
    it may be extrapolated; that is flagged, with a factor of two for its error.
    """
    columns, banks, depth, bits = fitted_size(technology, words, word_bits, ports)
    fit = fits(technology.sram.fit).ports[ports]
    fitted = fitted_macro(technology, depth, bits, ports)
    if not fit.holds(depth, bits):
        size = f"an SRAM of {words:,} x {word_bits:,} bit ({ports})"
        if columns * banks > 1:
            size += f", {columns * banks} macros of {depth:,} x {bits},"
        where = f"is outside the range of the fit to {technology.sram.fit}: {fit.range}"
        if not extrapolate:
            raise ModelError(
                f"{size} {where}; make it larger, take latches or registers (kind), price the "
                "smallest macro that holds it (sram.macros: exact), or set extrapolate: true"
            )
        fitted = FittedMacro(
            fitted.macro,
            max(fitted.area_error, FACTOR_TWO),
            max(fitted.energy_error, FACTOR_TWO),
            max(fitted.access_error, FACTOR_TWO),
            (f"{size} {where}: extrapolated, a factor 2 either way", *fitted.flags),
        )
    return MacroStack(((fitted.macro, columns),), banks), fitted


def covering_size(
    technology: Technology, words: int, word_bits: int, ports: Ports
) -> tuple[int, int]:
    """Return the words and bits of the smallest memory within the range that holds one."""
    fit = fits(technology.sram.fit).ports[ports]
    columns, banks, depth, bits = fitted_size(technology, words, word_bits, ports)
    bits = max(bits, fit.word_bits.least)
    depth = max(depth, fit.words.least, -(-fit.capacity_bits.least // bits))
    return banks * depth, columns * bits


__all__ = [
    "FACTOR_TWO", "FittedMacro", "Range", "covering_size", "fits", "fitted_macro", "fitted_stack",
]  # fmt: skip
