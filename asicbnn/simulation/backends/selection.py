"""Choose a back end: by name, or the fastest one this machine can run."""

from __future__ import annotations

from typing import Any

from asicbnn.errors import SimulationError
from asicbnn.simulation.backends.c_compiler import find_compiler
from asicbnn.simulation.backends.compiled import CompiledBackend
from asicbnn.simulation.backends.gates import GatesBackend
from asicbnn.simulation.backends.interface import Backend
from asicbnn.simulation.backends.interpreted import InterpretedBackend

BACKENDS: dict[str, type[CompiledBackend] | type[InterpretedBackend] | type[GatesBackend]] = {
    backend.name: backend for backend in (CompiledBackend, InterpretedBackend, GatesBackend)
}
_NO_COMPILER = (
    "no C compiler found: simulating with PyRTL, about a thousand times slower; "
    "pip install asicbnn[compiler] brings one"
)


def simulator(block: Any, backend: str = "auto") -> Backend:
    """Build a simulator of a PyRTL block, reset and ready; the block stays as it is.

    block    a built `pyrtl.Block` without inputs
    backend  ``compiled`` (needs a C compiler), ``pyrtl``, ``gates`` (many stimuli at once; needs a
             C compiler), or ``auto``: compiled where possible,
             else pyrtl, and ``note`` says so
    """
    if backend == "auto":
        return (
            CompiledBackend(block) if find_compiler() else InterpretedBackend(block, _NO_COMPILER)
        )
    if backend not in BACKENDS:
        raise SimulationError(f"backend must be one of auto, {', '.join(BACKENDS)}, not {backend}")
    return BACKENDS[backend](block)
