"""Yosys for tests, the one on PATH or pyosys (extra `synth`), and the Liberty files it reads."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

_LIBRARIES = {
    "sky130hd": "sky130hd/sky130hd_tt_025C_1v80.lib.gz",
    "ihp_sg13g2": "ihp_sg13g2/sg13g2_stdcell_typ_1p20V_25C.lib.gz",
}
EQUIVALENCE = """
design -copy-from gold -as gold gold
design -copy-from gate -as gate gate
equiv_make gold gate equiv
hierarchy -top equiv
equiv_simple -undef
equiv_induct -undef
equiv_status -assert
"""
"""Proves two designs stashed as gold and gate equivalent."""
_PYOSYS = "import sys; from pyosys import libyosys as ys; ys.run_pass(sys.argv[1], ys.Design())"


def script_command() -> list[str]:
    """Return the start of a command line that runs a script named last; skip without Yosys."""
    if (found := shutil.which("yosys")) is not None:
        return [found, "-q", "-s"]
    if find_spec("pyosys") is None:
        if os.environ.get("CI"):
            pytest.fail("neither yosys nor pyosys is there, and CI must have one")
        pytest.skip("neither yosys on PATH nor pyosys (pip install asicbnn[synth])")
    return [sys.executable, "-c", _PYOSYS]


def ran(script: str, folder: Path) -> tuple[int, str]:
    """Run a script in a folder; return the exit code and all that was printed."""
    (folder / "script.ys").write_text(script)
    command = script_command()
    last = "script.ys" if command[-1] == "-s" else "script script.ys"
    done = subprocess.run([*command, last], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@cache
def liberty(name: str) -> Path:
    """Return the packed Liberty file of a library; skip where the shared data is absent."""
    for parent in Path(__file__).resolve().parents:
        found = parent / "shared" / "data" / "liberty" / _LIBRARIES[name]
        if found.exists():
            return found
    pytest.skip(f"the Liberty file of {name} is not in shared/data/liberty")


_WANTED = re.compile(
    rb"_(inv|buf|nand2|nor2|nand3|nor3|and2|or2|xor2|xnor2|mux2|a21oi|o21ai|a21o|o21a|dfxtp|dfrbp"
    rb"|dfrbpq|fa|ha|dlclkp|lgcp|conb|tiehi|tielo|a22oi|a21oi|o21ai|dlxtp|mux2)_[12]\b"
)


def unpacked(name: str, folder: Path) -> Path:
    """Write a library's Liberty file, small cells alone: Yosys reads it in a moment."""
    text = gzip.decompress(liberty(name).read_bytes())
    start = re.compile(rb"^\s*cell\s*\(", re.MULTILINE)
    starts = [match.start() for match in start.finditer(text)]
    parts = [text[: starts[0]]]
    for begin in starts:
        end = _closing(text, text.index(b"{", begin))
        if _WANTED.search(text[begin : text.index(b"{", begin)]):
            parts.append(text[begin:end])
    target = folder / f"{name}.lib"
    target.write_bytes(b"\n".join(parts) + b"\n}\n")
    return target


def _closing(text: bytes, opening: int) -> int:
    depth = 0
    for match in re.compile(rb"[{}]").finditer(text, opening):
        depth += 1 if match[0] == b"{" else -1
        if depth == 0:
            return match.end()
    raise ValueError("unbalanced")
