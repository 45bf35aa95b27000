"""ROMs mapped to gates, and what 200 reads at random addresses take.

How `data/cell_rom.csv` was made; a slow test makes one row again.
"""

from __future__ import annotations

import gzip
import subprocess
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

from asicbnn.calibration.annotation import annotated
from asicbnn.calibration.gate_cells import GateCells
from asicbnn.calibration.gate_energy import energies
from asicbnn.calibration.mapped_netlist import read_netlist
from asicbnn.calibration.timed_circuit import TimedCircuit
from asicbnn.calibration.timed_simulation import TimedSimulation
from asicbnn.technology.liberty import read

READS = 200


@dataclass(frozen=True)
class Measured:
    """gates_um2 leaves the output register out; read_fj has the address pins in it."""

    gates_um2: float
    read_fj: float
    settle_ps: float


def rom_verilog(words: int, bits: int) -> str:
    """A ROM of random contents that reads into a register."""
    random = Random(words * 1000 + bits)
    at = (words - 1).bit_length()
    contents = "\n".join(
        f"    {at}'d{i}: d = {bits}'d{random.getrandbits(bits)};" for i in range(words)
    )
    return f"""module top(input clk, input [{at - 1}:0] addr, output reg [{bits - 1}:0] q);
  reg [{bits - 1}:0] d;
  always @* case (addr)
{contents}
    default: d = {bits}'bx;
  endcase
  always @(posedge clk) q <= d;
endmodule
"""


def measured(verilog: str, words: int, liberty: Path, folder: Path) -> Measured:
    """Map a memory on a gzipped Liberty file and read it at random addresses."""
    plain = folder / "cells.lib"
    plain.write_bytes(gzip.decompress(liberty.read_bytes()))
    (folder / "top.v").write_text(verilog)
    script = (
        f"read_liberty -lib -ignore_miss_func {plain}; read_verilog {folder}/top.v; synth -top top "
        f"-flatten; dfflibmap -liberty {plain}; abc -liberty {plain}; opt_clean -purge; setundef "
        f"-zero; opt_clean; write_json {folder}/top.json"
    )
    subprocess.run(["yosys", "-q", "-p", script], check=True, capture_output=True)
    library, netlist = read([liberty]), read_netlist(folder / "top.json")
    gates = [library.cells[i.cell] for i in netlist.instances]
    circuit = TimedCircuit(annotated(netlist, GateCells(library)), clock="clk")
    counted = _reads(circuit, words)
    energy = energies(circuit, counted)
    return Measured(
        sum(cell.area_um2 for cell in gates if not cell.storages),
        (energy.total.logic_fj + energy.inputs_fj) / READS,
        counted.settle_ps,
    )


def _reads(circuit: TimedCircuit, words: int):
    random = np.random.default_rng(1)
    rows = np.zeros((READS + 1, len(circuit.ports)), np.uint8)
    addresses = random.integers(0, words, READS + 1)
    for column, (name, bit, _) in enumerate(circuit.ports):
        if name == "addr":
            rows[:, column] = addresses >> bit & 1
    simulation = TimedSimulation(circuit)
    simulation.start(rows[0])
    simulation.run(rows[1:])
    return simulation.counted()
