"""A ROM of standard cells: its contents as gates, in banks of which one is read at a time.

The figures are a fit to synthesised ROMs of random contents, in NAND2, in toggles and in delays of
an inverter driving four, so that they hold in any library with the band they have over two. A wide
word lies in several ROMs side by side; the addresses of banks that are not read are held.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

from asicbnn.errors import ModelError
from asicbnn.technology.cells import Cells
from asicbnn.technology.compiled_memory import Memory
from asicbnn.technology.form import Form, Name, NotNegative, read_form
from asicbnn.technology.library import Technology
from asicbnn.technology.sram_fit import FACTOR_TWO, Range

_FILE = Path(__file__).parent / "figures" / "cell_rom.yaml"
_RANDOM_BIT = 0.5


class _Fit(Form):
    """``per_bit D W + per_word D + per_column W`` for D words of W bits."""

    per_bit: NotNegative
    per_word: NotNegative
    per_column: NotNegative
    relative_error: NotNegative
    source: Name

    def at(self, words: int, bits: int) -> float:
        return (self.per_bit * bits + self.per_word) * words + self.per_column * bits


class _AccessFit(Form):
    """``per_sqrt_word sqrt D + constant``."""

    per_sqrt_word: NotNegative
    constant: NotNegative
    relative_error: NotNegative
    source: Name


class _RomFile(Form):
    sources: dict[str, Name]
    words: Range
    word_bits: Range
    area_nand2: _Fit
    read_toggles: _Fit
    access_fo4: _AccessFit


@lru_cache(maxsize=1)
def _figures() -> _RomFile:
    return read_form(_RomFile, _FILE.read_bytes(), _FILE.name)


def cell_rom(technology: Technology, words: int, word_bits: int, *, extrapolate: bool) -> Memory:
    """Compile a ROM of cells.

    Raises ModelError naming the range for one smaller than the smallest that was synthesised,
    unless it may be extrapolated; that is flagged, with a factor of two for its error.
    """
    figures = _figures()
    columns = -(-word_bits // figures.word_bits.most)
    banks = -(-words // figures.words.most)
    depth, bits = -(-words // banks), -(-word_bits // columns)
    built = f"{banks * columns} of cells, with contents as at random"
    flags = [f"ROM of {words:,} x {word_bits} bit is {built}"]
    is_inside = depth >= figures.words.least and bits >= figures.word_bits.least
    if not is_inside:
        flags.append(_outside(figures, depth, bits, extrapolate=extrapolate))
    cells = _cells(figures, columns, banks, depth, bits, word_bits)
    access_ps = _access_ps(technology, figures, banks, depth)
    toggles = columns * figures.read_toggles.at(depth, bits)
    levels = math.ceil(math.log2(banks))
    output = Cells(mux2=word_bits * levels, flop=word_bits)
    read_fj = toggles * technology.inverter_toggle_energy_fj
    register = Cells(flop=word_bits)
    return Memory(
        kind="rom",
        words=words,
        word_bits=word_bits,
        ports="1rw",
        write_mask="none",
        area_um2=technology.area_um2(cells) + technology.clock_tree_area_um2(register),
        read_energy_fj=read_fj + technology.switching_energy_fj(output, _RANDOM_BIT),
        write_energy_fj=0.0,
        clock_energy_fj_per_cycle=technology.clock_energy_fj_per_cycle(register),
        leakage_nw=technology.leakage_nw(cells),
        access_ps=access_ps,
        minimum_cycle_ps=access_ps,
        level="cells",
        macros=(),
        cells=cells,
        area_error=figures.area_nand2.relative_error if is_inside else FACTOR_TWO,
        energy_error=figures.read_toggles.relative_error if is_inside else FACTOR_TWO,
        read_error=figures.read_toggles.relative_error if is_inside else FACTOR_TWO,
        access_error=figures.access_fo4.relative_error if is_inside else FACTOR_TWO,
        flags=tuple(flags),
    )


def _outside(figures: _RomFile, depth: int, bits: int, *, extrapolate: bool) -> str:
    """Return what to say of a ROM below the range, if it may be priced at all."""
    said = (
        f"a ROM of {depth} x {bits} bit is below the range of the synthesised ones: from "
        f"{figures.words.least} words and {figures.word_bits.least} bit"
    )
    if not extrapolate:
        raise ModelError(f"{said}; make it larger or set extrapolate: true")
    return f"{said}; extrapolated, a factor 2 either way"


def _cells(
    figures: _RomFile, columns: int, banks: int, depth: int, bits: int, word_bits: int
) -> Cells:
    """Gates in NAND2, address gates of the banks, the multiplexers between, the register."""
    gates = math.ceil(columns * banks * figures.area_nand2.at(depth, bits))
    held = columns * banks * (depth - 1).bit_length() if banks > 1 else 0
    return Cells(nand2=gates, and2=held, mux2=word_bits * (banks - 1), flop=word_bits)


def _access_ps(technology: Technology, figures: _RomFile, banks: int, depth: int) -> float:
    """Register to register: address, its gate, the gates of the contents, multiplexers, setup."""
    fit = figures.access_fo4
    settled = (fit.per_sqrt_word * math.sqrt(depth) + fit.constant) * technology.fo4_delay_ps
    held = technology.cell("and2").delay_fo4_ps if banks > 1 else 0.0
    levels = math.ceil(math.log2(banks))
    chosen = levels * technology.cell("mux2").delay_fo4_ps
    return technology.cell("flop").delay_fo4_ps + held + settled + chosen + technology.setup_ps


__all__ = ["cell_rom"]
