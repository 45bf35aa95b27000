"""Play stimuli to a written block in Icarus: inputs per cycle in, outputs per cycle out."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pyrtl
import pytest

from asicbnn.hardware.verilog import VerilogBlock


def needed(tool: str) -> str:
    """Return the path of a tool; skip the test without it, but never in CI."""
    found = shutil.which(tool)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{tool} is not on PATH, and CI must have it")
        pytest.skip(f"{tool} is not on PATH")
    return found


def played(
    written: VerilogBlock,
    block: pyrtl.Block,
    stimuli: Sequence[dict[str, int]],
    folder: Path,
    *,
    text: str | None = None,
    resets: bool = False,
    skip: int = 0,
) -> list[dict[str, int]]:
    """Outputs of each cycle, before its clock edge; x where one is not known is an error.

    skip    cycles that are played but not looked at
    resets  power on by the reset port, instead of by initial blocks
    """
    inputs = sorted(block.wirevector_subset(pyrtl.Input), key=lambda wire: wire.name)
    outputs = sorted(block.wirevector_subset(pyrtl.Output), key=lambda wire: wire.name)
    width = sum(map(len, inputs)) or 1
    rows = []
    for row in stimuli:
        value, low = 0, 0
        for wire in inputs:
            value |= row[wire.name] << low
            low += len(wire)
        rows.append(f"{value:x}")
    (folder / "stimuli.hex").write_text("\n".join(rows) + "\n")
    (folder / "block.v").write_text(text or written.text())
    (folder / "bench.v").write_text(_bench(written, inputs, outputs, width, len(rows), resets))
    defines = [] if resets else ["-DSIMULATION"]
    command = [needed("iverilog"), "-g2005", "-Wall", *defines, "-o", "run", "bench.v", "block.v"]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert "warning" not in built.stderr.replace("timescale", ""), built.stderr
    ran = subprocess.run(
        [needed("vvp"), "-n", "run"], cwd=folder, capture_output=True, text=True, check=True
    )
    lines = [line for line in ran.stdout.splitlines() if line.startswith("row ")][skip:]
    names = [wire.name for wire in outputs]
    return [dict(zip(names, (int(x, 16) for x in line.split()[1:]), strict=True)) for line in lines]


def _bench(written, inputs, outputs, width, cycles, resets):
    low, pins = 0, [".clock(clock)", ".reset(reset)"]
    for wire in inputs:
        pins.append(f".{wire.name}(row[{low + len(wire) - 1}:{low}])")
        low += len(wire)
    pins += [f".{wire.name}({wire.name})" for wire in outputs]
    declared = "\n".join(f"wire [{len(w) - 1}:0] {w.name};" for w in outputs)
    shown = ", ".join(w.name for w in outputs)
    form = " ".join("%h" for _ in outputs)
    return f"""
module bench;
  reg clock = 0, reset = {int(resets)};
  reg [{width - 1}:0] row, rows [0:{cycles - 1}];
  {declared}
  {written.name} dut ({", ".join(pins)});
  integer i;
  initial begin
    $readmemh("stimuli.hex", rows);
    row = 0;
    if (reset) begin
      repeat (8) begin #5 clock = 1; #5 clock = 0; end
      reset = 0;
    end
    for (i = 0; i < {cycles}; i = i + 1) begin
      row = rows[i];
      #5 $display("row {form}", {shown});
      clock = 1;
      #5 clock = 0;
    end
  end
endmodule
"""
