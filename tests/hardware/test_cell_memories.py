"""Memories of latches and flip-flops: bits as of the behavioural model, cells as counted."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from random import Random

import pytest
from hardware.icarus import needed
from hardware.yosys import ran
from hypothesis import given, settings
from hypothesis import strategies as st

from asicbnn.hardware import gating
from asicbnn.hardware.verilog import library
from asicbnn.hardware.verilog.cell_memories import CellMemory
from asicbnn.technology.cells import Cells
from asicbnn.technology.row_memory import MOST_SINKS, RowMemory, row_memory

_BOXES = """
(* blackbox *) module dff_gate (input clock, input enable, output gated_clock); endmodule
(* blackbox *) module latch_bit (input enable, input data, output stored); endmodule
(* blackbox *) module line_buffer (input line, output driven); endmodule
module clock_gate (input clock, input enable, output gated_clock);
  dff_gate cell_i (.clock(clock), .enable(enable), .gated_clock(gated_clock));
endmodule
module latch #(parameter WIDTH = 1) (
  input enable, input [WIDTH-1:0] data, output [WIDTH-1:0] stored
);
  genvar i;
  generate for (i = 0; i < WIDTH; i = i + 1) begin : bits
    latch_bit cell_i (.enable(enable), .data(data[i]), .stored(stored[i]));
  end endgenerate
endmodule
module word_lines #(parameter WORDS = 1) (input [WORDS-1:0] line, output [WORDS-1:0] driven);
  genvar i;
  generate for (i = 0; i < WORDS; i = i + 1) begin : bits
    line_buffer cell_i (.line(line[i]), .driven(driven[i]));
  end endgenerate
endmodule
"""
_ROLES = {
    "dff_gate": "clock_gate", "latch_bit": "latch", "line_buffer": "buffer", "$_DFF_P_": "flop",
    "$_AND_": "and2", "$_OR_": "or2", "$_NOT_": "inverter",
}  # fmt: skip

kinds = st.sampled_from(["latch", "register"])


@st.composite
def shapes(draw):
    """Memories whole or in parts, the parts with data of their own or the same for all."""
    part, count = draw(st.integers(1, 70)), draw(st.integers(1, 4))
    is_shared = count > 1 and draw(st.booleans())
    parts = (*(part for _ in range(count - 1)), draw(st.integers(1, part)))
    return RowMemory(draw(kinds), draw(st.integers(1, 40)), parts, is_shared)


def counted(memory, folder):
    """Cells of the written text, none optimised away."""
    (folder / "memory.v").write_text(memory.text() + _BOXES)
    script = (
        "read_verilog memory.v; hierarchy -check -top memory; proc; flatten; simplemap; "
        "write_json memory.json"
    )
    code, said = ran(script.replace("; ", "\n"), folder)
    assert code == 0, said
    module = json.loads((folder / "memory.json").read_text())["modules"]["memory"]
    found = Counter(cell["type"] for cell in module["cells"].values())
    del found["$scopeinfo"]
    return Cells(**{_ROLES[kind]: count for kind, count in found.items()})


@settings(max_examples=25, deadline=None)
@given(shapes())
def test_the_cells_are_those_of_the_closed_form(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("census")
    assert counted(CellMemory("memory", rows), folder) == rows.cells


def test_gates_drive_as_many_bits_as_elsewhere_in_the_machine():
    assert MOST_SINKS == gating.MOST_SINKS


def test_masks_and_narrow_writes_make_parts():
    assert row_memory("latch", 4, 20, "byte").parts == (8, 8, 4)
    assert row_memory("latch", 4, 3, "bit").parts == (1, 1, 1)
    assert row_memory("latch", 4, 20, write_bits=8) == RowMemory("latch", 4, (8, 8, 4), True)
    assert row_memory("latch", 4, 20, write_bits=20) == RowMemory("latch", 4, (20,))


# ---------------------------------------------------------------------- behaviour
_BENCH = """
module bench;
  reg clock = 0;
  reg [{high}:0] row, rows [0:{last}];
  wire [{bits}:0] read_data;
  memory dut (.clock(clock), .reset(1'b0), .read_address0(row[{a}:0]), .read_data0(read_data),
    .write_address0(row[{w1}:{w0}]), .write_data0(row[{d1}:{d0}]),
    .write_enable0(row[{high}:{e0}]));
  reg [{bits}:0] sampled;
  always @(posedge clock) sampled <= read_data;
  integer i;
  initial begin
    $readmemh("rows.hex", rows);
    row = 0;
    for (i = 0; i <= {last}; i = i + 1) begin
      #5 clock = 1;
      #1 if (i > 0) $display("row %h", sampled);
      row = rows[i];
      #4 clock = 0;
    end
    #5 clock = 1;
    #1 $display("row %h", sampled);
  end
endmodule
"""


def played(memory, cycles, folder):
    """Play cycles of (read address, write address, data, enables); what the next edge samples."""
    at, bits, parts = memory.address_bits, memory.bits, len(memory.parts)
    values = {
        "a": at - 1, "w0": at, "w1": 2 * at - 1, "d0": 2 * at, "d1": 2 * at + bits - 1,
        "e0": 2 * at + bits, "high": 2 * at + bits + parts - 1, "bits": bits - 1,
        "last": len(cycles) - 1,
    }  # fmt: skip
    rows = [r | w << at | d << 2 * at | e << (2 * at + bits) for r, w, d, e in cycles]
    (folder / "rows.hex").write_text("\n".join(f"{row:x}" for row in rows) + "\n")
    parts_of = [memory.text(), library("clock_gate.v"), library("memory_cells.v")]
    (folder / "bench.v").write_text("\n".join([_BENCH.format(**values), *parts_of]))
    built = subprocess.run(
        [needed("iverilog"), "-g2005", "-Wall", "-o", "run", "bench.v"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    said = subprocess.run(
        [needed("vvp"), "-n", "run"], cwd=folder, capture_output=True, text=True, check=True
    )
    return [line.split()[1] for line in said.stdout.splitlines() if line.startswith("row ")]


def expected(memory, cycles):
    """What a memory of numbers shows: a word has its old value in the cycle that writes it."""
    stored = {}
    for read, write, data, enables in cycles:
        yield stored.get(read)
        low, word = 0, stored.get(write, 0)
        for p, bits in enumerate(memory.parts):
            if enables >> p & 1:
                mask = (1 << bits) - 1
                word = word & ~(mask << low) | ((data >> low & mask) << low)
            low += bits
        if enables:
            stored[write] = word


@settings(max_examples=15, deadline=None)
@given(shapes(), st.integers(0, 1 << 30))
def test_the_bits_are_those_of_a_memory_that_reads_before_it_writes(tmp_path_factory, rows, seed):
    needed("iverilog")
    rng, memory = Random(seed), CellMemory("memory", rows)
    everything = (1 << len(rows.parts)) - 1

    def drawn():
        if not rows.is_shared:
            return rng.getrandbits(rows.bits)
        data, word, low = rng.getrandbits(rows.data_bits), 0, 0
        for bits in rows.parts:
            word, low = word | (data & ((1 << bits) - 1)) << low, low + bits
        return word

    cycles = [(0, word, drawn(), everything) for word in range(rows.words)]
    for _ in range(60):
        write = rng.randrange(rows.words)
        read = write if rng.random() < 0.4 else rng.randrange(rows.words)
        cycles.append((read, write, drawn(), rng.randrange(everything + 1)))
    seen = played(memory, cycles, tmp_path_factory.mktemp("play"))
    for found, wanted in zip(seen, expected(memory, cycles), strict=True):
        assert wanted is None or int(found, 16) == wanted


@pytest.mark.parametrize("kind", ["latch", "register"])
def test_two_read_ports_read_two_words(kind, tmp_path):
    text = CellMemory("memory", RowMemory(kind, 5, (3,)), reads=2).text()
    assert "read_address1" in text
    assert "assign read_data1 = " in text
