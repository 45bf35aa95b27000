"""Which processor this is: code compiled for one with -march=native may not run on another."""

from __future__ import annotations

import hashlib
import platform
from functools import lru_cache
from pathlib import Path

_CPU_INFO = Path("/proc/cpuinfo")
_TELLING = {
    "vendor_id", "cpu family", "model", "model name", "stepping", "flags", "Features",
    "CPU implementer", "CPU architecture", "CPU variant", "CPU part", "isa", "cpu",
}  # fmt: skip


@lru_cache
def cpu_identity() -> str:
    """Architecture and a hash of what the system says of its first processor."""
    try:
        first = _CPU_INFO.read_text("ascii", "replace").partition("\n\n")[0]
    except OSError:
        return f"{platform.machine()} {platform.processor()} {platform.node()}"
    pairs = (line.partition(":") for line in first.splitlines())
    told = sorted(f"{key.strip()}:{value.strip()}" for key, _, value in pairs
                  if key.strip() in _TELLING)  # fmt: skip
    digest = hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]
    return f"{platform.system()} {platform.machine()} {digest}"
