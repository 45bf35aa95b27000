"""Hypothesis profiles: how many examples, and whether they are drawn anew."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# Building hardware inside an example takes tens of milliseconds: a deadline would measure the
# machine the tests run on, not the code.
_QUIET = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}

settings.register_profile("dev", max_examples=25, **_QUIET)
settings.register_profile("ci", max_examples=100, derandomize=True, **_QUIET)
settings.register_profile("nightly", max_examples=2000, **_QUIET)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@pytest.fixture(autouse=True, scope="session")
def cache_of_the_test_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled simulators are kept for the run, by all its processes, and not in the home."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "simulators"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASICBNN_CACHE", str(folder))
        yield
