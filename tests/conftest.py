"""Hypothesis profiles: how many examples, and whether they are drawn anew."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Building hardware inside an example takes tens of milliseconds: a deadline would measure the
# machine the tests run on, not the code.
_QUIET = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}

settings.register_profile("dev", max_examples=25, **_QUIET)
settings.register_profile("ci", max_examples=100, derandomize=True, **_QUIET)
settings.register_profile("nightly", max_examples=2000, **_QUIET)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
