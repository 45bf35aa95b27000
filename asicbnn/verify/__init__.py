"""Do they agree: the model against the hardware, layer by layer, in the user's own words."""

from __future__ import annotations

from asicbnn.verify.apart import verify_apart
from asicbnn.verify.network import Verification, verify
from asicbnn.verify.random_cases import RandomVerification, verify_random

__all__ = ["RandomVerification", "Verification", "verify", "verify_apart", "verify_random"]
