"""How wide the vectors of this machine are, as its C compiler sees them."""

from __future__ import annotations

import os
from functools import lru_cache

from asicbnn.simulation.backends.toolchain.c_compiler import find_compiler, run_compiler


def widest_vector_bits() -> int:
    """Bits of the widest vectors worth using here: 512 with AVX-512, else 256.

    Raises EnvironmentProblem if the compiler cannot be started or does not end.
    """
    compiler = find_compiler()
    return 512 if compiler and "__AVX512F__" in _macros(compiler) else 256


@lru_cache
def _macros(compiler: tuple[str, ...]) -> str:
    """What the compiler defines for this machine; empty if it does not say."""
    return run_compiler([*compiler, "-march=native", "-dM", "-E", "-x", "c", os.devnull]).stdout
