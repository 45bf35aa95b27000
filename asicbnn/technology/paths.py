"""Register-to-register paths of the compute pipeline: what bounds the clock beside memories."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from asicbnn.errors import ModelError
from asicbnn.technology.library import Technology
from asicbnn.technology.popcount import PathDelay, popcount_delay


def _between_registers_ps(technology: Technology) -> float:
    """Clock edge to a flop's output, plus the setup of the next one [ps]."""
    return technology.cell("flop").delay_fo4_ps + technology.setup_ps


@lru_cache(maxsize=4096)
def popcount_path(
    technology: Technology, lanes: int, structure: str, longest_share: float = 1.0
) -> PathDelay:
    """Operand registers, lane mask, XNOR, popcount, next register.

    longest_share  of the longest stage in XNOR and popcount, where registers cut them

    Raises ModelError for a share that is not in (0, 1] and for a structure that does not exist.
    """
    if not 0 < longest_share <= 1:
        raise ModelError(f"longest_share must be above 0 and at most 1, not {longest_share}")
    whole = popcount_delay(technology, structure, lanes)
    delay = (
        _between_registers_ps(technology)
        + technology.cell("and2").delay_fo4_ps
        + whole.delay_ps * longest_share
    )
    return PathDelay(delay, whole.relative_error, whole.flags)


@lru_cache(maxsize=4096)
def ripple_path(technology: Technology, bits: int, operands: int = 2) -> PathDelay:
    """Register, multiplexer, ripple-carry sum of ``operands`` words of ``bits`` bits, register.

    The accumulator adds two, the threshold comparison three. Each further operand costs one
    full adder: its carries ripple alongside.

    Raises ModelError for fewer than one bit or two operands.
    """
    if bits < 1:
        raise ModelError(f"bits must be an integer >= 1 [bit], not {bits}")
    if operands < 2:
        raise ModelError(f"operands must be an integer >= 2, not {operands}")
    adder = technology.cell("full_adder")
    delay = (
        _between_registers_ps(technology)
        + technology.cell("mux2").delay_fo4_ps
        + (bits - 1) * adder.carry_delay_fo4_ps
        + (operands - 1) * adder.delay_fo4_ps
    )
    return PathDelay(delay, technology.path_relative_error, ())


def logic_paths(
    technology: Technology,
    lanes: int,
    structure: str,
    longest_share: float,
    psum_bits: int,
) -> Mapping[str, PathDelay]:
    """Paths of the compute pipeline by name: ``popcount``, ``accumulate`` and ``threshold``.

    longest_share  as in `popcount_path`
    """
    return {
        "popcount": popcount_path(technology, lanes, structure, longest_share),
        "accumulate": ripple_path(technology, psum_bits),
        "threshold": ripple_path(technology, psum_bits + 2, operands=3),
    }
