"""Choose a back end: by name, or the fastest one this machine can run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from asicbnn.errors import SimulationError
from asicbnn.hardware.gating import GatedGroup
from asicbnn.simulation.backends.exported.icarus import IcarusBackend
from asicbnn.simulation.backends.exported.verilator import VerilatorBackend
from asicbnn.simulation.backends.gate_level.gates import GatesBackend
from asicbnn.simulation.backends.interface import Backend
from asicbnn.simulation.backends.interpreted import InterpretedBackend
from asicbnn.simulation.backends.toolchain.c_compiler import find_compiler
from asicbnn.simulation.backends.word_level.compiled import CompiledBackend
from asicbnn.simulation.backends.word_level.sampling import Sampling
from asicbnn.simulation.backends.word_level.toggling import TogglingBackend

BACKENDS: dict[str, Callable[..., Backend]] = {
    CompiledBackend.name: CompiledBackend,
    InterpretedBackend.name: InterpretedBackend,
    VerilatorBackend.name: VerilatorBackend,
    IcarusBackend.name: IcarusBackend,
    GatesBackend.name: GatesBackend,
}
"""How each back end is built from a block, by name."""
EXPORTED = frozenset({VerilatorBackend.name, IcarusBackend.name})
"""Back ends that run the exported Verilog, in which clock gates are real."""
_NO_COMPILER = (
    "no C compiler found: simulating with PyRTL, about a thousand times slower; "
    "pip install asicbnn[compiler] brings one"
)


def simulator(block: Any, backend: str = "auto", *, gated: Sequence[GatedGroup] = ()) -> Backend:
    """Build a simulator of a PyRTL block, reset and ready; the block stays as it is.

    block    a built `pyrtl.Block` without inputs
    backend  ``compiled`` (needs a C compiler), ``pyrtl``, ``verilator`` or ``icarus`` (the
             exported Verilog; need these programs), ``gates`` (many stimuli at once; needs a C
             compiler), or ``auto``: compiled where possible, else pyrtl, and ``note`` says so
    gated    the block's registers behind clock gates, for back ends that run exported Verilog
    """
    if backend == "auto":
        if find_compiler() is None:
            return InterpretedBackend(block, _NO_COMPILER)
        backend = "compiled"
    if backend not in BACKENDS:
        raise SimulationError(f"backend must be one of auto, {', '.join(BACKENDS)}, not {backend}")
    if backend in EXPORTED:
        return BACKENDS[backend](block, gated=gated)
    return BACKENDS[backend](block)


def counting_simulator(
    block: Any, backend: str = "auto", sampling: Sampling | None = None
) -> TogglingBackend:
    """Build a simulator that counts the toggles of every net.

    backend   ``compiled``, the only one that counts, or ``auto``
    sampling  which cycles are counted; None counts all of them

    Raises EnvironmentProblem without a C compiler.
    """
    if backend not in ("auto", TogglingBackend.name):
        raise SimulationError(
            f"back end {backend} counts no toggles; leave backend at auto or choose compiled"
        )
    return TogglingBackend(block, sampling or Sampling())
