"""Held against silicon: what the models predict of chips whose figures were published."""

from asicbnn.validate.run import validate

__all__ = ["validate"]
