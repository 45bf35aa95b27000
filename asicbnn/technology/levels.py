"""At which level the figures of a technology were obtained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from asicbnn.levels import LEVELS, Level
from asicbnn.technology.form import Figure

MEMORY_LEVELS: Final[Mapping[str, Level]] = {
    "macros": "gate",
    "fit": "gate",
    "scaled": "assumed",
    "gates": "gate",
    "cells": "cell",
}
"""The level of a memory's figures: real macros and fits to them stand beside mapped gates."""


def figure_level(figure: Figure, otherwise: Level = "cell") -> Level:
    """Return `assumed` for a figure that is marked so, else the level its file stands for."""
    return "assumed" if figure.assumed else otherwise


__all__ = ["LEVELS", "MEMORY_LEVELS", "Level", "figure_level"]
