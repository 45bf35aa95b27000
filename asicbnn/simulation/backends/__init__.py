"""Interchangeable simulators of a built PyRTL block behind one interface."""

from asicbnn.simulation.backends.interface import Backend
from asicbnn.simulation.backends.selection import simulator

__all__ = ["Backend", "simulator"]
