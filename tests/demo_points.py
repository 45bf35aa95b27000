"""Points and an evaluation that other processes can import."""

from __future__ import annotations

import os
import signal
import time

from asicbnn.errors import MappingError
from asicbnn.result import Result


def evaluate(lanes: int) -> Result:
    if lanes % 4 == 0:
        raise MappingError("lanes divide by 4")
    totals = {"cycles": 1000 // lanes, "energy_fj": float(lanes)}
    return Result(f"a{lanes}", "net", "sky130hd", "0", totals, flags=("assumed",))


def describe(lanes: int) -> dict[str, int]:
    return {"lanes": lanes}


def ears(lanes: int) -> Result:
    """Say whether this process hears Ctrl-C."""
    is_deaf = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    return Result("a", "deaf" if is_deaf else "listening", "sky130hd", "0", {"cycles": lanes})


def die(lanes: int) -> Result:
    os.kill(os.getpid(), signal.SIGKILL)
    return evaluate(lanes)


def slow(lanes: int) -> Result:
    if lanes > 1:  # all but the first chunk
        time.sleep(20)
    return Result("a", "net", "sky130hd", "0", {"cycles": lanes})
