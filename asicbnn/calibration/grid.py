"""The accelerators a calibration is made on: P PEs of N lanes, both structures, 0 to 2 stages.

For every lane count and structure one number of pipeline stages is taken, and PE counts from 4 up;
so the large ones share what is synthesised of the small ones (`measurement.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from asicbnn.spec.accelerator import Accelerator, with_changes

LANES = (16, 32, 64, 128, 256, 512)
STRUCTURES = ("sliced", "tree")
_PES = ((4, 16, 64), (4, 8, 32, 64))
"""PEs of every second lane count and structure in turn."""
_MORE = (("sliced", 4, 64, 0), ("tree", 4, 64, 2), ("sliced", 8, 32, 2), ("tree", 8, 32, 0))
"""Points beside the pattern: other stages at the same lanes."""
_BASE = {
    "buffers.weight": {"kind": "latch", "words": 128, "ping_pong": True},
    "buffers.input": {"kind": "latch", "words": 128, "ping_pong": True},
    "buffers.psum": {"kind": "latch", "words": 16},
    "buffers.threshold": {"kind": "latch", "words": 256},
    "buffers.pool": {"kind": "latch", "words": 16},
    "store.kib": {"weights": 64, "activations": 16},
    "store.link": {"bits": 64, "latency_cycles": 4},
    "host": {"link_bits": 8, "latency_cycles": 10},
    "limits": {
        "out_channels": 1024, "in_channels": 1024, "map": 16, "kernel": 5, "activation_bits": 8,
        "pool": 2,
    },
    "array.strides": [1, 2],
}  # fmt: skip
"""Everything else of the accelerators: layers up to 1024 channels, 8-bit first layers, pooling."""


@dataclass(frozen=True)
class GridPoint:
    """One accelerator of the grid."""

    structure: str
    pes: int
    lanes: int
    pipeline_stages: int

    @property
    def name(self) -> str:
        return f"{self.structure} {self.pes}x{self.lanes} stages {self.pipeline_stages}"

    def of(self, pes: int) -> GridPoint:
        """Return the same with another number of PEs."""
        return GridPoint(self.structure, pes, self.lanes, self.pipeline_stages)

    @cached_property
    def accelerator(self) -> Accelerator:
        """Return its spec."""
        array = {
            "array.unroll": {"out_channels": self.pes, "in_channels": self.lanes},
            "array.popcount": {
                "structure": self.structure, "pipeline_stages": self.pipeline_stages,
            },
        }  # fmt: skip
        return with_changes(Accelerator(name="grid"), {**_BASE, **array})


def grid() -> tuple[GridPoint, ...]:
    """Return the points, small ones first."""
    points = [GridPoint(*more) for more in _MORE]
    for i, lanes in enumerate(LANES):
        for j, structure in enumerate(STRUCTURES):
            points += [GridPoint(structure, p, lanes, (i + j) % 3) for p in _PES[(i + j) % 2]]
    return tuple(sorted(points, key=lambda p: (p.pes * p.lanes, p.lanes, p.structure)))
