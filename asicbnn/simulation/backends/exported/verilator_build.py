"""Verilog to a loaded library through Verilator and a C++ compiler.

State is reached through the variables Verilator publishes for reading. Publishing them for
writing would make it evaluate all logic behind them once more at every clock edge; instead the
harness lets Verilator settle the logic after something was written from outside.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from asicbnn.errors import EnvironmentProblem
from asicbnn.simulation.backends.exported.verilog_source import Variable, VerilogSource
from asicbnn.simulation.backends.toolchain.external_tool import Workshop, find_tool

_HARNESS = r"""
#include "Vdesign.h"
#include "Vdesign__Syms.h"
#include "verilated_syms.h"

void Vdesign___024root___eval_settle(Vdesign___024root *);

struct Unit {
    VerilatedContext context;
    Vdesign model{&context, "TOP"};
};

static inline void cycle(Vdesign &model) {
    model.CLOCK = 1;
    model.eval();
    model.CLOCK = 0;
    model.eval();
}

// Verilator's run-time library works on the context of the thread, which is that of the newest
// unit unless we say otherwise: the scopes of a unit that goes would be struck off another's list.
static void enter(Unit &unit) { Verilated::threadContextp(&unit.context); }

static void settle(Unit &unit) { Vdesign___024root___eval_settle(unit.model.rootp); }

extern "C" {
Unit *make() {
    Unit *unit = new Unit;
    unit->model.CLOCK = 0;
    unit->model.eval();
    return unit;
}

void unmake(Unit *unit) {
    enter(*unit);
    delete unit;
    Verilated::threadContextp(Verilated::defaultContextp());
}

void run(Unit *unit, uint64_t cycles) {
    enter(*unit);
    settle(*unit);
    while (cycles--) cycle(unit->model);
}

uint64_t run_until(Unit *unit, const uint8_t *flag, uint64_t limit) {
    enter(*unit);
    settle(*unit);
    for (uint64_t done = 1; done <= limit; done++) {
        cycle(unit->model);
        if (*flag) return done;
    }
    return 0;
}

// Where a variable is, and the bytes of one of its words. Null if it is not published.
void *locate(Unit *unit, const char *scope, const char *name, uint64_t *bytes) {
    enter(*unit);
    const VerilatedScope *found = unit->context.scopeFind(scope);
    VerilatedVar *variable = found ? found->varFind(name) : nullptr;
    if (!variable) return nullptr;
    *bytes = variable->entSize();
    return variable->datap();
}
}
"""
_VERILATOR_FLAGS = ("-O3", "--x-assign", "fast", "--x-initial", "fast", "--noassert", "-Wno-fatal")
_QUIET = ("-Wno-lint", "-Wno-style")
_DEFINES = tuple(f"-D{name}=0" for name in ("VM_COVERAGE", "VM_SC", "VM_TRACE", "VM_TRACE_FST"))
_CXX_FLAGS = (
    "-std=gnu++17", "-fPIC", "-w", "-faligned-new", "-fno-gnu-unique", "-fvisibility=default",
    "-DVERILATOR=1", *_DEFINES,
)  # fmt: skip
_RUNTIME_SOURCES = ("verilated.cpp", "verilated_threads.cpp", "verilated_dpi.cpp")
_RUNTIME_LOCK = threading.Lock()


@dataclass(frozen=True)
class _Runtime:
    """Verilator's include folder and the objects of its run-time library."""

    include: Path
    objects: tuple[Path, ...]


class VerilatedUnit:
    """One instance of the compiled model, with a state of its own."""

    def __init__(self, library: ctypes.CDLL, top: str) -> None:
        self._library, self._top = library, top
        self._address = int(library.make())
        finalize(self, library.unmake, self._address)

    def words_at(self, variable: Variable, bits: int, words: int = 1) -> NDArray[np.uint8]:
        """View a published variable as [words, bytes of a word].

        The view is of the model's own memory: it must not outlive the unit.

        bits   width of a word [bit]
        words  of an array: Verilator itself takes one of single bits for a word
        """
        path = f"TOP.{self._top}.{variable.path}"
        scope = path.rpartition(".")[0]
        size = ctypes.c_uint64()
        address = self._library.locate(
            self._address, scope.encode(), variable.name.encode(), ctypes.byref(size)
        )
        if not address:
            raise EnvironmentProblem(f"Verilator did not publish {path}")
        if size.value != (expected := _bytes_of_word(bits)):
            raise EnvironmentProblem(
                f"Verilator stores {path} in words of {size.value} bytes, not {expected}"
            )
        buffer = (ctypes.c_uint8 * (expected * words)).from_address(address)
        return np.ctypeslib.as_array(buffer).reshape(words, expected)

    def run(self, cycles: int) -> None:
        self._library.run(self._address, cycles)

    def run_until(self, flag: NDArray[np.uint8], limit: int) -> int:
        """Cycles run until a variable of one byte is not zero; 0 if the limit came first."""
        return int(self._library.run_until(self._address, flag.ctypes.data, limit))


class VerilatedLibrary:
    """A design compiled by Verilator.

    build_cpu_seconds  Verilator's and the compiler's, without Verilator's own run-time library
    """

    def __init__(self, file: Path, top: str, build_cpu_seconds: float) -> None:
        self.build_cpu_seconds = build_cpu_seconds
        self._library, self._top = ctypes.CDLL(str(file)), top
        pointer, count = ctypes.c_void_p, ctypes.c_uint64
        counts = ctypes.POINTER(count)
        for name, result, arguments in (
            ("make", pointer, []),
            ("unmake", None, [pointer]),
            ("run", None, [pointer, count]),
            ("run_until", count, [pointer, pointer, count]),
            ("locate", pointer, [pointer, ctypes.c_char_p, ctypes.c_char_p, counts]),
        ):
            function = getattr(self._library, name)
            function.restype, function.argtypes = result, arguments

    def make(self) -> VerilatedUnit:
        """Make an instance: state 0, but for what the Verilog initialises."""
        return VerilatedUnit(self._library, self._top)


def _bytes_of_word(bits: int) -> int:
    """Verilator's choice of type: 8, 16, 32 or 64 bit, or as many words of 32 bit as needed."""
    return next((n // 8 for n in (8, 16, 32, 64) if bits <= n), 4 * -(-bits // 32))


def build_library(
    source: VerilogSource, published: Iterable[Variable], *, optimisation: str
) -> VerilatedLibrary:
    """Compile a design; what is not published Verilator may optimise away.

    published     variables to reach from outside
    optimisation  of the C++ compiler, for the code that runs every cycle
    """
    verilator = find_tool("verilator", "verilator")
    compiler = find_tool("g++", "g++")
    runtime = _runtime(verilator, compiler)
    with Workshop("build a simulator with Verilator") as workshop:
        workshop.write("design.v", source.text)
        workshop.write("published.vlt", _published(published))
        workshop.write("harness.cpp", _HARNESS.replace("CLOCK", source.clock))
        workshop.call(
            [verilator, "--cc", *_VERILATOR_FLAGS, *_QUIET, "--top-module", source.top,
             "--prefix", "Vdesign", "--Mdir", ".", "published.vlt", "design.v"]
        )  # fmt: skip
        _compile(workshop, compiler, runtime, optimisation)
        library = workshop.folder / "simulator.so"
        return VerilatedLibrary(library, source.top, workshop.cpu_seconds)


def _published(variables: Iterable[Variable]) -> str:
    """Verilator's configuration file."""
    lines = [
        f'public_flat_rd -module "{variable.module}" -var "{variable.name}"'
        for variable in variables
    ]
    return "\n".join(["`verilator_config", *dict.fromkeys(lines)]) + "\n"


def _compile(workshop: Workshop, compiler: str, runtime: _Runtime, optimisation: str) -> None:
    """Two translation units: what runs every cycle, and what runs once."""
    include = str(runtime.include)
    generated = sorted(path.name for path in workshop.folder.glob("Vdesign*.cpp"))
    seldom = [name for name in generated if name.endswith(("Slow.cpp", "Syms.cpp", "Dpi.cpp"))]
    often = ["harness.cpp", *(name for name in generated if name not in seldom)]
    flags = [*_CXX_FLAGS, "-I", ".", "-I", include, "-I", f"{include}/vltstd"]

    def compile_unit(unit: tuple[str, list[str], str]) -> str:
        name, files, level = unit
        workshop.write(f"{name}.cpp", "".join(f'#include "{file}"\n' for file in files))
        workshop.call([compiler, *flags, level, "-c", f"{name}.cpp", "-o", f"{name}.o"])
        return f"{name}.o"

    units = [("often", often, optimisation), ("seldom", seldom, "-O0")]
    with ThreadPoolExecutor(len(units)) as pool:
        objects = list(pool.map(compile_unit, units))
    workshop.call(
        [compiler, "-shared", "-Wl,-Bsymbolic", *objects, *map(str, runtime.objects),
         "-o", "simulator.so", "-pthread"]
    )  # fmt: skip


def _runtime(verilator: str, compiler: str) -> _Runtime:
    with _RUNTIME_LOCK:
        return _build_runtime(verilator, compiler)


@lru_cache
def _build_runtime(verilator: str, compiler: str) -> _Runtime:
    """Compile Verilator's run-time library, once per process."""
    with Workshop("build Verilator's run-time library") as workshop:
        include = Path(workshop.call([verilator, "--getenv", "VERILATOR_ROOT"]).strip(), "include")
        for name in _RUNTIME_SOURCES:
            workshop.call(
                [compiler, *_CXX_FLAGS, "-O1", "-I", str(include), "-I", str(include / "vltstd"),
                 "-c", str(include / name), "-o", f"{name}.o"]
            )  # fmt: skip
        objects = tuple(workshop.folder / f"{name}.o" for name in _RUNTIME_SOURCES)
        runtime = _Runtime(include, objects)
        workshop.leave_to(runtime)
        return runtime
