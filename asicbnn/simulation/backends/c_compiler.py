"""Turn C files into a loaded library, with whatever C compiler there is."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

from asicbnn.errors import EnvironmentProblem

# -O1 makes code as fast as -O2 here and compiles in half the time.
_FLAGS = ("-O1", "-std=gnu11", "-fPIC", "-w")
_LONGEST_MESSAGE = 4000
_PROBE = "int probe(void) { return 0; }\n"


def find_compiler() -> tuple[str, ...] | None:
    """Command of the C compiler: cc, gcc or clang on PATH, else the one in package ziglang."""
    for name in ("cc", "gcc", "clang"):
        if path := shutil.which(name):
            return (path,)
    if importlib.util.find_spec("ziglang"):
        return (sys.executable, "-m", "ziglang", "cc")
    return None


def compile_library(files: tuple[str, ...]) -> ctypes.CDLL:
    """Compile C files side by side, link and load them; nothing stays on disk."""
    compiler = find_compiler()
    if compiler is None:
        raise EnvironmentProblem(
            "no C compiler: no cc, gcc or clang on PATH; pip install asicbnn[compiler] brings one"
        )
    try:
        with tempfile.TemporaryDirectory(prefix="asicbnn-") as folder:
            return ctypes.CDLL(str(_build(compiler, files, Path(folder))))
    except OSError as error:
        raise EnvironmentProblem(f"building the compiled simulator failed: {error}") from error


def _build(compiler: tuple[str, ...], files: tuple[str, ...], folder: Path) -> Path:
    flags = (*_FLAGS, *_native_flags(compiler))
    objects = [folder / f"part{index}.o" for index in range(len(files))]

    def compile_one(text: str, target: Path) -> None:
        source = target.with_suffix(".c")
        source.write_text(text, encoding="ascii")
        _call([*compiler, *flags, "-c", str(source), "-o", str(target)])

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        list(pool.map(compile_one, files, objects))
    library = folder / "simulator.so"
    _call([*compiler, "-shared", *map(str, objects), "-o", str(library)])
    return library


@lru_cache
def _native_flags(compiler: tuple[str, ...]) -> tuple[str, ...]:
    """-march=native where the compiler knows it for this machine."""
    with tempfile.TemporaryDirectory(prefix="asicbnn-") as folder:
        source = Path(folder) / "probe.c"
        source.write_text(_PROBE, encoding="ascii")
        command = [*compiler, "-march=native", "-c", str(source), "-o", f"{source}.o"]
        works = subprocess.run(command, capture_output=True, check=False).returncode == 0
    return ("-march=native",) if works else ()


def _call(command: list[str]) -> None:
    """Run the compiler; its message becomes ours if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        message = done.stderr.strip()[:_LONGEST_MESSAGE] or f"exit status {done.returncode}"
        raise EnvironmentProblem(f"the C compiler failed: {shlex.join(command)}\n{message}")
