"""The search of one layer's mappings: bounds first, exact counts of what they cannot rule out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import inf
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from asicbnn.bnn.layer import Layer
from asicbnn.mapping.points import FloatArray, Number, Points
from asicbnn.model.candidates import (
    IndexArray,
    InnerPart,
    Orders,
    OuterPart,
    Prices,
    TileSet,
    inner_part,
    moving_patterns,
    outer_part,
    set_words,
    tile_sets,
)
from asicbnn.model.cycles import Machine, count_points

if TYPE_CHECKING:
    from asicbnn.spec.accelerator import Accelerator

Objective = Literal["energy", "cycles", "edp"]
ROUNDING = 1e-12
"""Relative error of an energy's bound, which is summed in another order."""
_FIRST_LOOK = 8
_KEPT_POINTS = 2**15
"""Sets above this are bounded again rather than kept."""


def objective_value(objective: Objective, energy_fj: Number, cycles: Number) -> Number:
    """Return what is made small: energy [fJ], cycles, or their product."""
    if objective == "cycles":
        return cycles
    return energy_fj if objective == "energy" else energy_fj * cycles


@dataclass(frozen=True)
class Block:
    """Tiles of one set under one inner and one outer order, and the least bound among them."""

    tiles: TileSet
    inner: tuple[str, ...]
    slots: tuple[str, ...]
    bound: float


@dataclass(frozen=True)
class Best:
    """The best mapping of some blocks; its key is infinite if none fits."""

    key: tuple[float, float, float] = (inf, inf, inf)
    energy_fj: float = inf
    block: Block | None = None
    tile: tuple[tuple[str, int], ...] = ()


class LayerSearch:
    """Search of one layer's mappings.

    blocks  those with a mapping that fits, least bound first    candidates  mappings in them
    """

    def __init__(
        self,
        accelerator: Accelerator,
        machine: Machine,
        layer: Layer,
        prices: Prices,
        orders: Orders,
        objective: Objective,
        exhaustive: bool,
    ) -> None:
        self.machine, self.layer, self.prices = machine, layer, prices
        self.orders, self.objective = orders, objective
        self.psum_limit = machine.layout.psum_words
        self.candidates = 0
        self._inner: dict[tuple[int, tuple[str, ...]], InnerPart] = {}
        self._outer: dict[tuple[int, tuple[str, ...]], OuterPart] = {}
        self.sets: list[TileSet] = []
        self.blocks: list[Block] = []
        for found in tile_sets(accelerator, machine, layer, exhaustive):
            self.sets.append(found)  # the caches know a set by its identity
            for inner, slots in product(orders.inner, orders.slots_of(found.split)):
                bound, _, _ = self._bounds(found, inner, slots)
                self.candidates += int(np.isfinite(bound).sum())
                least = float(bound.min())
                if least < inf:
                    self.blocks.append(Block(found, inner, slots, least))
            if found.count > _KEPT_POINTS:
                self._inner.clear()
                self._outer.clear()
        self.blocks.sort(key=lambda block: block.bound)

    def best(self, admits: Callable[[Block], bool] = lambda _: True) -> Best:
        """Return the best mapping of the admitted blocks."""
        best = Best()
        for block in self.blocks:
            if block.bound > best.key[0] * (1.0 + ROUNDING):
                break
            if admits(block):
                best = self._best_of(block, best)
        return best

    def _best_of(self, block: Block, best: Best) -> Best:
        bounds = self._bounds(block.tiles, block.inner, block.slots)
        ranked = np.argsort(bounds[0], kind="stable")
        for part in (ranked[:_FIRST_LOOK], ranked[_FIRST_LOOK:]):
            index = part[self._can_win(tuple(b[part] for b in bounds), best)]
            if len(index):
                best = self._exact(block, index, bounds[2], best)
        return best

    def _can_win(self, bounds: Sequence[FloatArray], best: Best) -> npt.NDArray[np.bool_]:
        """Mask of the points whose bounds leave them a chance against the best so far."""
        value, _, bits = bounds
        if self.objective == "cycles":  # whole numbers: the bound has no rounding, ties are real
            ties = np.equal(value, best.key[0]) & np.less(bits, best.key[2])
            # points that do not fit are infinite, and so is the best before there is one
            return np.isfinite(value) & (np.less(value, best.key[0]) | ties)
        if best.block is None:
            return np.isfinite(value)
        return np.less_equal(value, best.key[0] * (1.0 + ROUNDING))

    def _bounds(
        self, found: TileSet, inner: tuple[str, ...], slots: tuple[str, ...]
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Bounds of objective and cycles, and buffer bits; infinite where psums do not fit."""
        near = self._inner.get((id(found), inner))
        if near is None:
            near = inner_part(found, self.prices, inner, self.orders.hold)
            self._inner[id(found), inner] = near
        far = self._outer.get((id(found), slots))
        if far is None:
            far = outer_part(found, self.prices, slots)
            self._outer[id(found), slots] = far
        cycles = np.maximum(near.busy, far.hidden) + far.exposed
        energy = near.energy_fj + far.energy_fj + self.prices.cycles * cycles
        words = set_words(found, replace(near.order, slots=slots))
        lay = self.machine.layout
        bits = (
            words.weight * lay.weight_word_bits
            + words.input * lay.input_word_bits
            + words.psum * lay.psum_word_bits
        )
        value = objective_value(self.objective, energy, cycles)
        value = np.where(np.less_equal(words.psum, self.psum_limit), value, inf)
        whole = (found.count,)
        return (
            np.broadcast_to(value, whole),
            np.broadcast_to(cycles, whole),
            np.broadcast_to(bits, whole),
        )

    def _exact(self, block: Block, index: IndexArray, bits: FloatArray, best: Best) -> Best:
        """Count some points of a block exactly; return the best of them and the best so far."""
        found = block.tiles
        order = found.order_class(block.inner, block.slots, self.orders.hold)
        for moving, group in moving_patterns(order, index):
            tile = found.take(group)
            points = Points.of(self.machine.layout, self.layer, tile)
            counted = count_points(self.machine, replace(order, moving=moving), points)
            energy = np.broadcast_to(self.prices.energy_fj(counted), group.shape)
            cycles = np.broadcast_to(counted["cycles"], group.shape)
            value = np.broadcast_to(objective_value(self.objective, energy, cycles), group.shape)
            first = int(np.lexsort((bits[group], cycles, value))[0])
            key = (float(value[first]), float(cycles[first]), float(bits[group][first]))
            if key < best.key:
                chosen = found.take(group[first : first + 1])
                best = Best(
                    key,
                    float(energy[first]),
                    block,
                    tuple((d, int(np.ravel(t)[0])) for d, t in chosen.items()),
                )
        return best


__all__ = ["ROUNDING", "Best", "Block", "LayerSearch", "Objective", "objective_value"]
