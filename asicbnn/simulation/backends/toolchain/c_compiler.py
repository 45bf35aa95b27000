"""Turn C files into a loaded library: with whatever C compiler there is, once per design."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from asicbnn import __version__
from asicbnn.errors import EnvironmentProblem
from asicbnn.simulation.backends.toolchain.build_cache import (
    BuildCache,
    CacheUnusableError,
    cache_folder,
    size_limit_bytes,
)
from asicbnn.simulation.backends.toolchain.cpu import cpu_identity
from asicbnn.simulation.backends.toolchain.scratch import new_scratch, sweep

# -O1 makes code as fast as -O2 here and compiles in half the time. zig cc traps on what it takes
# for undefined behaviour unless told not to, and is slower for it.
_FLAGS = ("-O1", "-std=gnu11", "-fPIC", "-w", "-fno-sanitize=undefined")
# Used where the compiler knows them. Four passes of GCC's -O1 take a quarter of its time and find
# nothing in generated code, nor does it when it tries to combine three or four instructions;
# zig cc refuses their names.
_OPTIONAL_FLAGS = (
    "-march=native", "-fno-tree-dse", "-fno-tree-dominator-opts", "-fno-tree-pta",
    "-fno-shrink-wrap", "--param=max-combine-insns=2",
)  # fmt: skip
_LONGEST_MESSAGE = 4000
_PATIENCE_S = 1800.0
_PROBE = "int probe(void) { return 0; }\n"
_SCRATCH = "asicbnn-build-"
_KEPT = "asicbnn-failed-"


@dataclass(frozen=True)
class Generated:
    """C files, and a text that whoever loads the library needs beside it."""

    files: tuple[str, ...]
    attachment: str = ""


@dataclass(frozen=True)
class Library:
    """Loaded code, the attachment of what it was generated as, and a note for the user.

    note  why nothing was kept for the next time, one line; empty if all is well
    """

    code: ctypes.CDLL
    attachment: str
    note: str = ""


def find_compiler() -> tuple[str, ...] | None:
    """Command of the C compiler: cc, gcc or clang on PATH, else the one in package ziglang."""
    for name in ("cc", "gcc", "clang"):
        if path := shutil.which(name):
            return (path,)
    if importlib.util.find_spec("ziglang"):
        return (sys.executable, "-m", "ziglang", "cc")
    return None


def compile_library(files: tuple[str, ...]) -> ctypes.CDLL:
    """Compile C files side by side, link and load them, or load what they became last time."""
    return build_library(_hash(files), lambda: Generated(files)).code


def build_library(fingerprint: str, generate: Callable[[], Generated]) -> Library:
    """Load the library of a fingerprint from the cache, else generate, compile and keep it.

    fingerprint  determines what ``generate`` returns; compiler, flags and CPU are added here
    Raises EnvironmentProblem if there is no compiler or it fails; the C file it failed on is kept.
    """
    compiler = find_compiler()
    if compiler is None:
        raise EnvironmentProblem(
            "no C compiler: no cc, gcc or clang on PATH; pip install asicbnn[compiler] brings one"
        )
    folder, limit = cache_folder(), size_limit_bytes()
    cache = None if folder is None else BuildCache(folder, limit)
    identity = _identity(compiler)
    flags = (*_FLAGS, *_known_flags(compiler, identity, _OPTIONAL_FLAGS))
    about = {
        "asicbnn": __version__,
        "compiler": shlex.join(compiler),
        "compiler_identity": identity,
        "flags": " ".join(flags),
        "cpu": cpu_identity(),
    }
    key = _hash((fingerprint, json.dumps(about, sort_keys=True)))
    if cache and (entry := cache.find(key)):
        try:
            return Library(ctypes.CDLL(str(entry.library)), entry.attachment)
        except OSError:
            pass  # evicted this moment, or on a file system that forbids code: build it again
    return _build_and_keep((*compiler, *flags), generate(), cache, key, about)


def _build_and_keep(
    command: tuple[str, ...],
    generated: Generated,
    cache: BuildCache | None,
    key: str,
    about: dict[str, str],
) -> Library:
    note = ""
    try:
        parent = Path(tempfile.gettempdir())
        sweep(parent, _SCRATCH)
        with new_scratch(parent, _SCRATCH) as folder:
            built = _build(command, generated.files, folder)
            code = ctypes.CDLL(str(built))
            if cache:
                try:
                    cache.keep(key, built, generated.attachment, about)
                except CacheUnusableError as error:
                    note = f"compiled simulators are not kept: {error}"
    except OSError as error:
        raise _building_failed(error) from error
    return Library(code, generated.attachment, note)


def _building_failed(error: OSError) -> EnvironmentProblem:
    return EnvironmentProblem(f"building the compiled simulator failed: {error}")


def _build(command: tuple[str, ...], files: tuple[str, ...], folder: Path) -> Path:
    """Compile and link.

    command  the compiler with its flags
    """
    library = folder / "simulator.so"
    if len(files) == 1:  # one start of the compiler less
        source = folder / "part0.c"
        source.write_text(files[0], encoding="ascii")
        _call([*command, "-shared", str(source), "-o", str(library)], source)
        return library
    objects = [folder / f"part{index}.o" for index in range(len(files))]

    def compile_one(text: str, target: Path) -> None:
        source = target.with_suffix(".c")
        source.write_text(text, encoding="ascii")
        _call([*command, "-c", str(source), "-o", str(target)], source)

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        list(pool.map(compile_one, files, objects))
    _call([*command, "-shared", *map(str, objects), "-o", str(library)], *objects)
    return library


@lru_cache
def _known_flags(
    compiler: tuple[str, ...], identity: str, flags: tuple[str, ...]
) -> tuple[str, ...]:
    """Return those of the flags that a compiler takes on this machine.

    identity  of the compiler: another one behind the same command is asked anew
    """
    try:
        with tempfile.TemporaryDirectory(prefix=_SCRATCH) as folder:
            source = Path(folder) / "probe.c"
            source.write_text(_PROBE, encoding="ascii")

            def takes(*some: str) -> bool:
                command = [*compiler, *some, "-S", str(source), "-o", f"{source}.s"]
                return run_compiler(command, source.parent).returncode == 0

            return flags if takes(*flags) else tuple(filter(takes, flags))
    except OSError as error:
        raise _building_failed(error) from error


def _identity(compiler: tuple[str, ...]) -> str:
    """What tells this compiler from others and from its own earlier versions."""
    program = Path(os.path.realpath(compiler[0]))
    try:
        found = program.stat()
        return _version(compiler, str(program), found.st_size, found.st_mtime_ns)
    except OSError as error:
        raise EnvironmentProblem(f"the C compiler {program} cannot be used: {error}") from error


@lru_cache
def _version(compiler: tuple[str, ...], program: str, size: int, changed_ns: int) -> str:
    if "ziglang" in compiler:  # starting it takes longer than loading a library
        import importlib.metadata

        return f"ziglang {importlib.metadata.version('ziglang')} in {program}"
    told = run_compiler([*compiler, "--version"]).stdout[:_LONGEST_MESSAGE]
    return f"{program} {size} {changed_ns} {told}"


def _call(command: list[str], *inputs: Path) -> None:
    """Run the compiler; if it fails its message becomes ours, and its inputs are kept."""
    done = run_compiler(command, inputs[0].parent)
    if not done.returncode:
        return
    message = (done.stderr or done.stdout).strip()[:_LONGEST_MESSAGE]
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        message = f"{message}\nkilled by {name}; out of memory?".strip()
    kept = _keep(inputs)
    if kept is None:
        where = "the C file could not be kept: no space in the temporary folder"
    else:
        command = [word.replace(str(inputs[0].parent), str(kept)) for word in command]
        where = f"the C file is kept in {kept}; to repeat:"
    raise EnvironmentProblem(
        f"the C compiler failed: {message or f'exit status {done.returncode}'}\n"
        f"{where}\n{shlex.join(command)}"
    )


def run_compiler(
    command: Sequence[str], folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run to the end; what the compiler leaves behind when it is killed lies in the folder.

    Raises EnvironmentProblem if it cannot be started or does not end.
    """
    environment = os.environ | ({} if folder is None else {"TMPDIR": str(folder)})
    try:
        return subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False,
            stdin=subprocess.DEVNULL, timeout=_PATIENCE_S, env=environment,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise EnvironmentProblem(
            f"the C compiler did not end within {_PATIENCE_S:g} s: {shlex.join(command)}"
        ) from error
    except OSError as error:
        raise EnvironmentProblem(f"the C compiler {command[0]} cannot be used: {error}") from error


def _keep(inputs: Sequence[Path]) -> Path | None:
    """Copy what the compiler failed on to where the user can look at it."""
    try:
        kept = Path(tempfile.mkdtemp(prefix=_KEPT))
        for path in inputs:
            shutil.copy2(path, kept)
    except OSError:
        return None
    return kept


def _hash(parts: Sequence[str]) -> str:
    """SHA-256 of texts, each with its length, as 64 hex digits."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(b"%d\0" % len(data) + data)
    return digest.hexdigest()
