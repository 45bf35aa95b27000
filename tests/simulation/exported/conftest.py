"""The block in each program that runs exported Verilog."""

from __future__ import annotations

import pytest
from simulation.exported.machine import machine
from tools import EXTERNAL

from asicbnn.simulation.backends import Backend, simulator


@pytest.fixture(scope="module", params=EXTERNAL)
def built(request: pytest.FixtureRequest) -> Backend:
    block, gated = machine()
    return simulator(block, request.param, gated=gated)


@pytest.fixture
def unit(built: Backend) -> Backend:
    built.reset()
    return built


@pytest.fixture(scope="module")
def reference() -> Backend:
    return simulator(machine()[0], "pyrtl")
