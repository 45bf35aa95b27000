"""Machines of these tests run a few thousand cycles: compiling them fast beats running fast."""

from __future__ import annotations

import pytest

from asicbnn.simulation.backends.toolchain import c_compiler


@pytest.fixture(autouse=True, scope="session")
def _unoptimised_simulators():
    optimised = c_compiler._FLAGS
    c_compiler._FLAGS = ("-O0", *optimised[1:])
    yield
    c_compiler._FLAGS = optimised
