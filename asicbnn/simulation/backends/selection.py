"""Choose a back end: by name, or the fastest one this machine can run."""

from __future__ import annotations

from typing import Any

from asicbnn.errors import SimulationError
from asicbnn.hardware.declarations import Declarations
from asicbnn.simulation.backends.c_compiler import find_compiler
from asicbnn.simulation.backends.compiled import CompiledBackend
from asicbnn.simulation.backends.interface import Backend
from asicbnn.simulation.backends.interpreted import InterpretedBackend

BACKENDS: dict[str, type[CompiledBackend] | type[InterpretedBackend]] = {
    backend.name: backend for backend in (CompiledBackend, InterpretedBackend)
}
_NO_COMPILER = (
    "no C compiler found: simulating with PyRTL, about a thousand times slower; "
    "pip install asicbnn[compiler] brings one"
)


def simulator(
    block: Any, backend: str = "auto", declarations: Declarations | None = None
) -> Backend:
    """Build a simulator of a PyRTL block, reset and ready; the block stays as it is.

    block    a built `pyrtl.Block` without inputs
    backend  ``compiled`` (needs a C compiler), ``pyrtl``, or ``auto``: compiled where possible,
             else pyrtl, and ``note`` says so
    declarations  what the hardware says of the block beyond its nets; makes simulation faster
    """
    if backend == "auto":
        if find_compiler() is None:
            return InterpretedBackend(block, _NO_COMPILER)
        backend = "compiled"
    if backend not in BACKENDS:
        raise SimulationError(f"backend must be one of auto, {', '.join(BACKENDS)}, not {backend}")
    if backend == "compiled":
        return CompiledBackend(block, declarations=declarations)
    return BACKENDS[backend](block)
