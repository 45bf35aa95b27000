"""The exported Verilog, simulated by Icarus: four-valued and event-driven, slow, independent.

One compiled program serves every case. Each state is a running `vvp`, told what to do through a
pipe (see `icarus_bench`), so that nothing is loaded again between calls.
"""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Sequence
from typing import Any, Self
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from asicbnn.errors import EnvironmentProblem, SimulationError
from asicbnn.hardware.gating import GatedGroup
from asicbnn.simulation.backends.exported.icarus_bench import BENCH, bench_text
from asicbnn.simulation.backends.exported.verilog_source import verilog_source
from asicbnn.simulation.backends.interface import (
    Backend,
    StateShape,
    numbers_of_words,
    words_of_numbers,
)
from asicbnn.simulation.backends.netlist import check_block, read_netlist
from asicbnn.simulation.backends.toolchain.external_tool import Workshop, find_tool

_CYCLES_PER_CALL = 1 << 12


class IcarusProgram:
    """A compiled design with its test bench, on disk as long as anybody may start it."""

    def __init__(self, block: Any, shape: StateShape, gated: Sequence[GatedGroup]) -> None:
        compiler, self._vvp = find_tool("iverilog", "iverilog"), find_tool("vvp", "iverilog")
        source = verilog_source(block, gated)
        with Workshop("build a simulator with Icarus") as workshop:
            workshop.write("design.v", source.text)
            workshop.write("bench.v", bench_text(source, shape))
            workshop.call(
                [compiler, "-g2012", "-s", BENCH, "-o", "bench.vvp", "bench.v", "design.v"]
            )
            self._file = workshop.leave_to(self) / "bench.vvp"

    def start(self) -> subprocess.Popen[str]:
        try:
            # A session of its own: an interrupt from the keyboard is not for vvp, which would stop
            # and wait for commands of its debugger.
            return subprocess.Popen(
                [self._vvp, "-n", str(self._file)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        except OSError as error:
            raise EnvironmentProblem(f"cannot run {self._vvp}: {error}") from error


class IcarusBackend(Backend):
    """A design run by `vvp`; unknown bits (x) where a number is asked for are an error."""

    name = "icarus"
    releases_lock = True

    def __init__(self, block: Any, note: str = "", *, gated: Sequence[GatedGroup] = ()) -> None:
        """Compile the design; `gated` are its registers behind clock gates."""
        check_block(block)
        read_netlist(block)  # names a combinational loop, in which vvp would hang
        super().__init__(StateShape.of(block), note)
        self._program = IcarusProgram(block, self.shape, gated)
        self._register_index = {name: i for i, name in enumerate(self.shape.registers)}
        self._memory_index = {name: i for i, name in enumerate(self.shape.memories)}
        self._start()

    def _start(self) -> None:
        self._process = self._program.start()
        finalize(self, _end, self._process)
        self.reset()

    def reset(self, *, keep_memories: bool = False) -> None:
        self._tell("registers")
        if not keep_memories:
            self._tell("memories")

    def fork(self) -> Self:
        twin = copy.copy(self)
        twin._start()
        return twin

    def _store_words(self, name: str, words: NDArray[np.uint64], start: int) -> None:
        numbers = " ".join(f"{number:x}" for number in numbers_of_words(words))
        self._tell(f"write {self._memory_index[name]} {start} {len(words)} {numbers}")

    def _load_words(self, name: str, start: int, count: int) -> NDArray[np.uint64]:
        self._tell(f"read {self._memory_index[name]} {start} {count}")
        numbers = [self._number(f"memory {name}") for _ in range(count)]
        return words_of_numbers(numbers, self.shape.memories[name].limbs)

    def _store_register(self, name: str, value: int) -> None:
        self._tell(f"set {self._register_index[name]} {value:x}")

    def _load_register(self, name: str) -> int:
        self._tell(f"get {self._register_index[name]}")
        return self._number(f"register {name}")

    def _run(self, cycles: int) -> None:
        for _, count in self._stretches(cycles, _CYCLES_PER_CALL):
            self._tell(f"run {count}")
            self._answer()

    def _run_until(self, flag_register: str, limit: int) -> int | None:
        flag = self._register_index[flag_register]
        for done, count in self._stretches(limit, _CYCLES_PER_CALL):
            self._tell(f"until {flag} {count}")
            if ran := int(self._answer()):
                return done + ran
        return None

    # ------------------------------------------------------------------ the pipe
    def _tell(self, command: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{command}\n")
        except OSError as error:
            raise EnvironmentProblem(f"vvp has ended: {error}") from error

    def _answer(self) -> str:
        """Wait for the next line vvp prints."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError as error:
            raise EnvironmentProblem(f"vvp has ended: {error}") from error
        if not line:
            raise EnvironmentProblem(f"vvp has ended with exit status {self._process.wait()}")
        return line.strip()

    def _number(self, what: str) -> int:
        text = self._answer()
        try:
            return int(text, 16)
        except ValueError:
            raise SimulationError(f"{what}: Icarus says {text}, which is no number") from None


def _end(process: subprocess.Popen[str]) -> None:
    """End a program of ours; it has nothing to save."""
    process.kill()
    process.communicate()
