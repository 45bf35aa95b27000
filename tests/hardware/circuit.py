"""Small PyRTL blocks as Python functions, so that a component stands beside plain arithmetic."""

from __future__ import annotations

from collections.abc import Callable

import pyrtl

from asicbnn.hardware.component import Gates, census


class Circuit:
    """A component built alone: inputs by name and width, outputs by name.

    build  takes a keyword per input, returns the outputs by name; it may hold registers
    """

    def __init__(self, build: Callable[..., dict[str, pyrtl.WireVector]], **widths: int) -> None:
        self.block = pyrtl.Block()
        with pyrtl.set_working_block(self.block, no_sanity_check=True):
            inputs = {name: pyrtl.Input(bits, name) for name, bits in widths.items()}
            before = set(self.block.logic)
            outputs = build(**inputs)
            self.built = self.block.logic - before
            for name, wire in outputs.items():
                out = pyrtl.Output(len(wire), f"out_{name}")
                out <<= wire
            for wire in inputs.values():  # an input nobody reads is not an error here
                unused = pyrtl.Output(len(wire))
                unused <<= wire
        self.outputs = tuple(outputs)
        self.reset()

    def reset(self) -> None:
        self._simulation = pyrtl.Simulation(tracer=None, block=self.block)

    def __call__(self, **values: int) -> dict[str, int]:
        """Outputs in this cycle; registers take their next values at its end."""
        self._simulation.step(values)
        return {name: self._simulation.inspect(f"out_{name}") for name in self.outputs}

    @property
    def gates(self) -> Gates:
        """Census of what `build` built, primitive gates."""
        return census(self.built).primitive()


def planes_of(numbers: list[int], count: int) -> list[int]:
    """Bit planes of numbers: bit p of plane j is bit j of numbers[p]."""
    return [sum((n >> j & 1) << p for p, n in enumerate(numbers)) for j in range(count)]


def numbers_of(planes: list[int], count: int) -> list[int]:
    """Return the numbers whose bit planes these are."""
    return [sum((plane >> p & 1) << j for j, plane in enumerate(planes)) for p in range(count)]
