"""Memories of latches or flip-flops, counted cell by cell.

Both read through a multiplexer tree into a register, so that a word is there one cycle after its
address, as from an SRAM. A latch word opens its clock gate when written; a register word is
clocked in every cycle and holds itself through a multiplexer (nothing is clock-gated yet). Read
and write are apart in both, so a 1r1w memory costs what a 1rw memory costs.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

from asicbnn.technology.cells import Cells
from asicbnn.technology.compiled_memory import Kind, Memory, Ports, WriteMask
from asicbnn.technology.library import Technology
from asicbnn.technology.schema import Figure, Form, Name, read_form

_FILE = Path(__file__).parent / "figures" / "standard_cell_memory.yaml"
_RANDOM_BIT = 0.5
_FAN_OUT = 4


class _CellMemoryFile(Form):
    sources: dict[str, Name]
    read_multiplexer_nand2_per_node: Figure
    decoder_nand2_per_word: Figure
    area_relative_error: Figure
    energy_relative_error: Figure
    read_relative_error: Figure
    access_relative_error: Figure


@lru_cache(maxsize=1)
def _figures() -> _CellMemoryFile:
    return read_form(_CellMemoryFile, _FILE.read_bytes(), _FILE.name)


def segments(word_bits: int, write_mask: WriteMask) -> int:
    """Parts of a word that are written separately."""
    return {"none": 1, "byte": math.ceil(word_bits / 8), "bit": word_bits}[write_mask]


def latch_cells(words: int, word_bits: int, write_mask: WriteMask = "none") -> Cells:
    """Cells of a latch memory: latches, clock gates, decoder, multiplexers, two registers.

    Decoder and read multiplexers are counted in NAND2, as fitted to synthesised memories; the
    registers hold the word being written and the word read.
    """
    return Cells(
        latch=words * word_bits,
        clock_gate=words * segments(word_bits, write_mask),
        flop=2 * word_bits,
    ) + _decode_and_read(words, word_bits)


def register_cells(words: int, word_bits: int, write_mask: WriteMask = "none") -> Cells:
    """Cells of a register memory: flops that hold through multiplexers, and one read register."""
    masks = segments(word_bits, write_mask)
    return Cells(
        flop=(words + 1) * word_bits,
        mux2=words * word_bits,
        and2=words * masks if masks > 1 else 0,
    ) + _decode_and_read(words, word_bits)


def _decode_and_read(words: int, word_bits: int) -> Cells:
    figures = _figures()
    per_node = int(figures.read_multiplexer_nand2_per_node.value)
    per_word = int(figures.decoder_nand2_per_word.value)
    return Cells(nand2=per_node * word_bits * (words - 1) + (per_word * words if words > 1 else 0))


def _read_energy_fj(technology: Technology, words: int, word_bits: int) -> float:
    """Energy of one read: select lines, multiplexer tree, read register [fJ].

    With random addresses and data, a node above 2^l words switches with probability
    (1 - 2^-l) / 2; over a tree of W (D - 1) nodes that sums to about a third of them. A node is
    two NAND2; its select pins switch with probability one half.
    """
    nodes = word_bits * (words - 1)
    per_node = int(_figures().read_multiplexer_nand2_per_node.value)
    nand2, pin = technology.cell("nand2"), technology.pin_energy_fj("nand2")
    tree = nodes * _NODE_ACTIVITY * per_node * (nand2.internal_energy_fj + pin)
    selects = nodes * _RANDOM_BIT * per_node * pin
    return tree + selects + technology.switching_energy_fj(Cells(flop=word_bits), _RANDOM_BIT)


_NODE_ACTIVITY = 1 / 3
"""Sum over the levels of 2^-l (1 - 2^-l) / 2, per node of a deep binary tree."""


def _latch_write_fj(technology: Technology, words: int, word_bits: int, parts: int) -> float:
    """Energy of one write: register, data lines to every word, one word's gates and latches."""
    latch, gate = technology.cell("latch"), technology.cell("clock_gate")
    changed = _RANDOM_BIT * word_bits
    lines = changed * words * technology.pin_energy_fj("latch")
    stored = changed * (latch.internal_energy_fj + technology.pin_energy_fj("nand2"))
    opened = word_bits * (latch.clock_energy_fj or 0.0) + 2 * parts * gate.internal_energy_fj
    register = changed * technology.cell("flop").internal_energy_fj
    return lines + stored + opened + register


def _register_write_fj(technology: Technology, words: int, word_bits: int) -> float:
    """Energy of one write: data lines to every word, one word's multiplexers and flops."""
    changed = _RANDOM_BIT * word_bits
    lines = changed * words * technology.pin_energy_fj("mux2")
    selects = word_bits * technology.pin_energy_fj("mux2")
    stored = technology.cell("flop").internal_energy_fj + technology.pin_energy_fj("nand2")
    passed = technology.cell("mux2").internal_energy_fj + technology.pin_energy_fj("flop")
    return lines + selects + changed * (stored + passed)


def _access_ps(technology: Technology, words: int, word_bits: int) -> float:
    """Register to register: address buffers over the select lines, multiplexer levels, setup."""
    levels = math.ceil(math.log2(words))
    selected = max(1, word_bits * words // 2)
    buffers = math.log(selected, _FAN_OUT) if levels else 0.0
    return (
        technology.cell("flop").delay_fo4_ps
        + buffers * technology.fo4_delay_ps
        + levels * technology.cell("mux2").delay_fo4_ps
        + technology.setup_ps
    )


def standard_cell_memory(
    technology: Technology,
    kind: Kind,
    words: int,
    word_bits: int,
    ports: Ports,
    write_mask: WriteMask,
) -> Memory:
    """Compile a latch or register memory."""
    figures = _figures()
    parts = segments(word_bits, write_mask)
    if kind == "latch":
        cells = latch_cells(words, word_bits, write_mask)
        write_fj = _latch_write_fj(technology, words, word_bits, parts)
        clocked = Cells(clock_gate=cells.clock_gate, flop=cells.flop)
    else:
        cells = register_cells(words, word_bits, write_mask)
        write_fj = _register_write_fj(technology, words, word_bits)
        clocked = Cells(flop=cells.flop)
    access_ps = _access_ps(technology, words, word_bits)
    return Memory(
        kind=kind,
        words=words,
        word_bits=word_bits,
        ports=ports,
        write_mask=write_mask,
        area_um2=technology.area_um2(cells) + technology.clock_tree_area_um2(clocked),
        read_energy_fj=_read_energy_fj(technology, words, word_bits),
        write_energy_fj=write_fj,
        clock_energy_fj_per_cycle=technology.clock_energy_fj_per_cycle(clocked),
        leakage_nw=technology.leakage_nw(cells),
        access_ps=access_ps,
        minimum_cycle_ps=access_ps,
        cells=cells,
        macros=(),
        level="cells",
        area_error=figures.area_relative_error.value,
        energy_error=figures.energy_relative_error.value,
        access_error=figures.access_relative_error.value,
        read_error=figures.read_relative_error.value,
        flags=(
            f"writes and timing of {kind} memories are counted from cells, not compared with gates",
        ),
    )
