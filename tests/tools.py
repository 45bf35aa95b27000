"""Marks for tests that need a program which is not Python's to install."""

from __future__ import annotations

import os
import shutil

import pytest


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip without the programs, except in continuous integration, where all of them must be."""
    missing = [name for name in programs if shutil.which(name) is None]
    is_excused = bool(missing) and not os.environ.get("CI")
    return pytest.mark.skipif(is_excused, reason=f"not on PATH: {', '.join(missing)}")


EXTERNAL = [
    pytest.param("verilator", marks=needs("verilator", "g++")),
    pytest.param("icarus", marks=needs("iverilog", "vvp")),
]
"""The back ends that run the exported Verilog."""
