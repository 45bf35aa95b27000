"""A Liberty file read a second time, by regular expressions and by OpenSTA."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

EDGES = ("rise", "fall")


def cell_text(library: Path, cell: str) -> str:
    """Return what stands between the beginning of a cell and that of the next one."""
    whole = library.read_text()
    start = re.search(rf"^\s*cell \({cell}\)", whole, re.MULTILINE)
    assert start, cell
    rest = whole[start.end() :]
    following = re.search(r"^\s*cell \(", rest, re.MULTILINE)
    return rest[: following.start()] if following else rest


def number(text: str, attribute: str) -> float:
    """Return the first number that stands behind the name of an attribute."""
    found = re.search(rf"^\s*{attribute}\s*:\s*([-+.\deE]+)\s*;", text, re.MULTILINE)
    assert found, attribute
    return float(found[1])


def delay_at_four_ps(library: Path, inverter: str, output: str, folder: Path) -> float:
    """Mean delay of an inverter driving four, its slew that of its like, by OpenSTA [ps].

    The slew is found by feeding OpenSTA its own answer. Left out are the wires it would guess, and
    the capacitance of pins by edge, of which `capacitance` is the larger one in some files.
    """
    left_out = r"\b(default_wire_load\w*|(rise|fall)_capacitance)\s*:[^;]*;"
    text = re.sub(left_out, "", library.read_text())
    (folder / "cells.lib").write_text(text)
    loads = "\n".join(f"  {inverter} u{i} (.A(y), .{output}());" for i in range(4))
    (folder / "design.v").write_text(
        f"module top (input a, output y);\n  {inverter} u (.A(a), .{output}(y));\n{loads}\n"
        "endmodule\n"
    )
    slews = dict.fromkeys(EDGES, 0.1)
    for _ in range(8):
        delays, slews = _timed(folder, f"u/{output} ({inverter})", sum(slews.values()) / 2)
    return 1e3 * sum(delays.values()) / 2


def _timed(folder: Path, pin: str, slew_ns: float) -> tuple[dict[str, float], dict[str, float]]:
    """Return delays and slews of the output's edges [ns], by OpenSTA."""
    script = [
        "read_liberty cells.lib", "read_verilog design.v", "link_design top",
        "set_cmd_units -time ns",
        "create_clock -name v -period 100", "set_input_delay 0 -clock v [get_ports a]",
        "set_output_delay 0 -clock v [get_ports y]",
        f"set_input_transition {slew_ns:.6f} [get_ports a]",
    ]  # fmt: skip
    script += [f"report_checks -{edge}_to y -fields {{slew}} -digits 6" for edge in EDGES]
    (folder / "script.tcl").write_text("\n".join([*script, "exit\n"]))
    said = subprocess.run(
        ["sta", "-no_splash", "-exit", "script.tcl"],
        cwd=folder, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    line = rf"^\s*([\d.]+)\s+([\d.]+)\s+[\d.]+ [v^] {re.escape(pin)}"
    lines = re.findall(line, said, re.MULTILINE)
    assert len(lines) == 2, said
    slews, delays = zip(*((float(slew), float(delay)) for slew, delay in lines), strict=True)
    return dict(zip(EDGES, delays, strict=True)), dict(zip(EDGES, slews, strict=True))
