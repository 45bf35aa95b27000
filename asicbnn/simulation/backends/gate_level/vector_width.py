"""How wide the vectors of this machine are, as its C compiler sees them."""

from __future__ import annotations

import os
import subprocess
from functools import lru_cache

from asicbnn.simulation.backends.toolchain.c_compiler import find_compiler


def widest_vector_bits() -> int:
    """Bits of the widest vectors worth using here: 512 with AVX-512, else 256."""
    compiler = find_compiler()
    return 512 if compiler and "__AVX512F__" in _macros(compiler) else 256


@lru_cache
def _macros(compiler: tuple[str, ...]) -> str:
    """What the compiler defines for this machine; empty if it does not say."""
    command = [*compiler, "-march=native", "-dM", "-E", "-x", "c", os.devnull]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    return done.stdout
