"""A whole published network on generated hardware."""

from __future__ import annotations

from pathlib import Path

import pytest

from asicbnn.spec import load
from asicbnn.verify import verify

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_binarynet_runs_whole_and_nothing_differs():
    """Nine layers, six convolutions with pooling; 14 Mbit of weights, most of them streamed."""
    accelerator = load(ROOT / "arch_specs/edge64.yaml")
    found = verify(accelerator, load(ROOT / "workloads/binarynet_cifar10.yaml"))
    assert found.differences == ()
    assert found.verdict == "no difference in cycles, accesses and bits: 9 layers, 1 images"
    streamed = [row for row in found.compared if row.quantity == "store_weight_writes"]
    assert any(row.hardware for row in streamed)
    assert any(not row.hardware for row in streamed)
