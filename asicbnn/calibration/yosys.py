"""Yosys: the one that came with pip, else the one on PATH; each run in a folder of its own."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from asicbnn.errors import EnvironmentProblem
from asicbnn.simulation.backends.toolchain.external_tool import Workshop

_PYOSYS = (
    "import sys; from pyosys import libyosys; libyosys.run_pass(sys.argv[1], libyosys.Design())"
)
_SCRIPT = "script.ys"


@dataclass(frozen=True)
class Yosys:
    """How Yosys is called, and which one it is."""

    command: tuple[str, ...]
    version: str

    def run(self, script: str, files: Mapping[str, str], wanted: str) -> bytes:
        """Run a script beside files and return the file it writes as ``wanted``.

        Raises EnvironmentProblem with Yosys's message and the folder that is kept, if it fails.
        """
        with Workshop("synthesise") as workshop:
            for name, text in {**files, _SCRIPT: script}.items():
                workshop.write(name, text)
            workshop.call(self.command)
            try:
                return (workshop.folder / wanted).read_bytes()
            except OSError as error:
                raise EnvironmentProblem(f"Yosys wrote no {wanted}: {error}") from error


@cache
def find_yosys() -> Yosys:
    """Return the Yosys there is; pyosys first, which is the faster of the two.

    Raises EnvironmentProblem, with how to get one, if there is none.
    """
    if find_spec("pyosys") is not None:
        return Yosys((sys.executable, "-c", _PYOSYS, f"script {_SCRIPT}"), _pyosys_version())
    if (found := shutil.which("yosys")) is not None:
        return Yosys((found, "-q", "-s", _SCRIPT), _said(found))
    raise EnvironmentProblem(
        "there is no Yosys: pip install 'asicbnn[synth]', or a yosys on PATH "
        "(Debian and Ubuntu: apt install yosys)"
    )


def _pyosys_version() -> str:
    try:
        return f"pyosys {version('pyosys')}"
    except PackageNotFoundError:
        return "pyosys"


def _said(program: str) -> str:
    with Workshop("ask for a version") as workshop:
        command: Sequence[str] = (program, "-V")
        return workshop.call(command).split("(")[0].strip()
