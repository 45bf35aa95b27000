"""Small libraries to keep, and what lies in a cache."""

from __future__ import annotations

from pathlib import Path

from asicbnn.simulation.backends.toolchain import c_compiler
from asicbnn.simulation.backends.toolchain.c_compiler import Generated, Library, build_library

FIRST = "a design"


def library(number: int, fingerprint: str = FIRST, padding: int = 0) -> Library:
    """Code that answers with a number; what is found in the cache may answer with another."""
    fill = f"char fill[{padding + 1}] = {{1}};\n"
    files = (f"int answer(void) {{ return {number}; }}\n{fill}",)
    return build_library(fingerprint, lambda: Generated(files, f"beside {number}"))


def answer(found: Library) -> tuple[int, str]:
    return found.code.answer(), found.attachment


def entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.exists() else []


def never() -> Generated:
    raise AssertionError("generated again")


def wrapped_compiler(place: Path, before: str) -> Path:
    """A compiler that first does something else."""
    real = c_compiler.find_compiler()
    assert real is not None
    wrapper = place / "bin" / "cc"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\n{before}\nexec {" ".join(real)} "$@"\n')
    wrapper.chmod(0o755)
    return wrapper
