"""Points and an evaluation that other processes can import."""

from __future__ import annotations

from asicbnn.errors import MappingError
from asicbnn.result import Result


def evaluate(lanes: int) -> Result:
    if lanes % 4 == 0:
        raise MappingError("lanes divide by 4")
    totals = {"cycles": 1000 // lanes, "energy_fj": float(lanes)}
    return Result(f"a{lanes}", "net", "sky130hd", "0", totals, flags=("assumed",))


def describe(lanes: int) -> dict[str, int]:
    return {"lanes": lanes}
