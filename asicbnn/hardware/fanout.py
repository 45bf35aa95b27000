"""Buffers on nets of many pins: how many there are, for whoever counts or inserts them.

A net of more than `MOST_PINS` input pins gets a tree of buffers, each level of it as few as drive
the level below; synthesis as it is run here keeps the same limit (`calibration/synthesis.py`).
"""

from __future__ import annotations

MOST_PINS = 16
"""Input pins a net may have."""


def buffers(pins: int) -> int:
    """Return how many buffers a net of some input pins gets."""
    total = 0
    while pins > MOST_PINS:
        pins = -(-pins // MOST_PINS)
        total += pins
    return total


def buffer_levels(pins: int) -> int:
    """Return through how many buffers a net of some input pins reaches each of them."""
    levels = 0
    while pins > MOST_PINS:
        pins = -(-pins // MOST_PINS)
        levels += 1
    return levels


__all__ = ["MOST_PINS", "buffer_levels", "buffers"]
