"""The best of the legal mappings: every stated candidate is counted or proven not to win.

Candidates are loop orders times tiles. A lower bound of each (`candidates.py`) orders the search;
what a bound cannot rule out is counted exactly. So the result is the best of all candidates, not
of those looked at: `tests/model/test_choose.py` compares it with counting them one by one.

Ties go to fewer cycles, then to fewer buffer bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import permutations, product
from math import inf
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from asicbnn.bnn.layer import Layer
from asicbnn.errors import MappingError
from asicbnn.mapping.capacity import check_layer, check_mapping
from asicbnn.mapping.dataflow import ORDERS, hold_flags
from asicbnn.mapping.loop_nest import OUTER_DIMENSIONS, Mapping
from asicbnn.mapping.points import FloatArray, Number, Points, reserve_heap
from asicbnn.mapping.tiling import tiles
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

FREE_INNER = ("output_stationary", "weight_stationary", "input_stationary", "row_stationary")
"""Inner orders of a free search: no other order of a binary convolution is cheaper."""

_ROUNDING = 1e-12  # relative error of an energy's bound, summed in another order
_FIRST_LOOK = 8
_KEPT_POINTS = 2**15  # sets above this are bounded again rather than kept


@dataclass(frozen=True)
class Choice:
    """A mapping and what made it the best.

    cycles      of the layer, host traffic left out
    energy_fj   at the prices of the search
    buffer_bits bits its full tiles take in the weight, input and psum buffers
    candidates  mappings it was the best of, that fit the buffers
    exhaustive  every legal tile was a candidate, not only those of least trips
    """

    mapping: Mapping
    objective: Objective
    exhaustive: bool
    cycles: int
    energy_fj: float
    buffer_bits: int
    candidates: int

    @property
    def key(self) -> tuple[float, float, float]:
        """What is compared: the objective, then cycles, then buffer bits."""
        value = objective_value(self.objective, self.energy_fj, float(self.cycles))
        return float(value), float(self.cycles), float(self.buffer_bits)


def objective_value(objective: Objective, energy_fj: Number, cycles: Number) -> Number:
    """Return what is made small: energy [fJ], cycles, or their product."""
    if objective == "cycles":
        return cycles
    return energy_fj if objective == "energy" else energy_fj * cycles


@dataclass(frozen=True)
class _Block:
    """Tiles of one set under one inner and one outer order, and the least bound among them."""

    tiles: TileSet
    inner: tuple[str, ...]
    slots: tuple[str, ...]
    bound: float


@dataclass(frozen=True)
class _Best:
    key: tuple[float, float, float] = (inf, inf, inf)
    energy_fj: float = inf
    block: _Block | None = None
    tile: tuple[tuple[str, int], ...] = ()


class _Search:
    """Search of one layer's mappings."""

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
        self.blocks: list[_Block] = []
        for found in tile_sets(accelerator, machine, layer, exhaustive):
            self.sets.append(found)  # the caches know a set by its identity
            for inner, slots in product(orders.inner, orders.slots_of(found.split)):
                bound, _, _ = self._bounds(found, inner, slots)
                self.candidates += int(np.isfinite(bound).sum())
                least = float(bound.min())
                if least < inf:
                    self.blocks.append(_Block(found, inner, slots, least))
            if found.count > _KEPT_POINTS:
                self._inner.clear()
                self._outer.clear()
        self.blocks.sort(key=lambda block: block.bound)

    def best(self, admits: Callable[[_Block], bool] = lambda _: True) -> _Best:
        """Best mapping of the admitted blocks; its key is infinite if none fits."""
        best = _Best()
        for block in self.blocks:
            if block.bound > best.key[0] * (1.0 + _ROUNDING):
                break
            if admits(block):
                best = self._best_of(block, best)
        return best

    def _best_of(self, block: _Block, best: _Best) -> _Best:
        bounds = self._bounds(block.tiles, block.inner, block.slots)
        ranked = np.argsort(bounds[0], kind="stable")
        for part in (ranked[:_FIRST_LOOK], ranked[_FIRST_LOOK:]):
            index = part[self._can_win(tuple(b[part] for b in bounds), best)]
            if len(index):
                best = self._exact(block, index, bounds[2], best)
        return best

    def _can_win(self, bounds: Sequence[FloatArray], best: _Best) -> npt.NDArray[np.bool_]:
        """Mask of the points whose bounds leave them a chance against the best so far."""
        value, _, bits = bounds
        if self.objective == "cycles":  # whole numbers: the bound has no rounding, ties are real
            ties = np.equal(value, best.key[0]) & np.less(bits, best.key[2])
            # points that do not fit are infinite, and so is the best before there is one
            return np.isfinite(value) & (np.less(value, best.key[0]) | ties)
        if best.block is None:
            return np.isfinite(value)
        return np.less_equal(value, best.key[0] * (1.0 + _ROUNDING))

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

    def _exact(self, block: _Block, index: IndexArray, bits: FloatArray, best: _Best) -> _Best:
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
                best = _Best(
                    key,
                    float(energy[first]),
                    block,
                    tuple((d, int(np.ravel(t)[0])) for d, t in chosen.items()),
                )
        return best


def choose_layer(
    accelerator: Accelerator,
    layer: Layer,
    prices: Prices,
    *,
    dataflow: str | None = None,
    objective: Objective = "energy",
    exhaustive: bool = False,
    n_cfg: int | None = None,
) -> Choice:
    """Return the best mapping of one layer.

    dataflow    a named one: its orders, free tiles; `best`: free orders too; None: the spec's
    objective   what is made small; a named dataflow is chosen by energy
    exhaustive  every legal tile instead of the smallest one per number of cuts
    n_cfg       link words of one layer's configuration, by default the accelerator's own

    Raises MappingError if no candidate fits.
    """
    return choose_network(
        accelerator, [layer], prices, dataflow=dataflow, objective=objective,
        exhaustive=exhaustive, n_cfg=n_cfg,
    )[0]  # fmt: skip


def choose_network(
    accelerator: Accelerator,
    layers: Sequence[Layer],
    prices: Prices | Sequence[Prices],
    *,
    dataflow: str | None = None,
    objective: Objective = "energy",
    exhaustive: bool = False,
    n_cfg: int | None = None,
) -> tuple[Choice, ...]:
    """Return the best mapping of each layer of a network (arguments as in `choose_layer`).

    prices  one for all layers, or one per layer

    With a fixed sequencer the orders are one for all layers: those with the least sum of the
    layers' objectives.
    """
    dataflow = dataflow or accelerator.dataflow
    objective = objective if dataflow == "best" else "energy"
    if n_cfg is None:
        from asicbnn.hardware.configuration import configuration_words

        n_cfg = configuration_words(accelerator)
    machine = Machine.of(accelerator, n_cfg)
    orders = search_orders(accelerator, dataflow)
    reserve_heap()
    searches = []
    each = [prices] * len(layers) if isinstance(prices, Prices) else prices
    for layer, paid in zip(layers, each, strict=True):
        check_layer(accelerator, layer, n_cfg)
        search = _Search(accelerator, machine, layer, paid, orders, objective, exhaustive)
        if not search.blocks:
            _explain(accelerator, layer, orders)
        searches.append(search)
    if dataflow == "best" and accelerator.sequencer.order == "fixed":
        chosen = _one_order(searches)
    else:
        chosen = [(search.best(), None) for search in searches]
    return tuple(
        _choice(search, best, outer, exhaustive)
        for search, (best, outer) in zip(searches, chosen, strict=True)
    )


def search_orders(accelerator: Accelerator, dataflow: str) -> Orders:
    """Return the loop orders a dataflow leaves to the search."""
    hold = hold_flags(accelerator, dataflow)
    if dataflow == "best":
        inner = tuple(ORDERS[name][0] for name in FREE_INNER)
        return Orders(inner, tuple(permutations(OUTER_DIMENSIONS)), hold)
    return Orders((ORDERS[dataflow][0],), (ORDERS[dataflow][1],), hold)


def _one_order(
    searches: Sequence[_Search],
) -> list[tuple[_Best, tuple[str, ...] | None]]:
    """Best mappings under one inner and outer order for all layers.

    Every pair of orders has a bound, the sum of its layers' least; pairs are counted from the
    least bound on until the bounds pass the best sum.
    """
    orders = searches[0].orders
    least: list[dict[tuple[tuple[str, ...], tuple[str, ...]], float]] = []
    for search in searches:
        table: dict[tuple[tuple[str, ...], tuple[str, ...]], float] = {}
        for block in search.blocks:
            at = block.inner, block.slots
            table[at] = min(table.get(at, inf), block.bound)
        least.append(table)
    ranked = []
    for inner, outer in product(orders.inner, orders.outer):
        bound = sum(
            min((v for (i, s), v in table.items() if i == inner and _within(s, outer)), default=inf)
            for table in least
        )
        ranked.append((bound, inner, outer))
    ranked.sort(key=lambda pair: pair[0])
    chosen: list[tuple[_Best, tuple[str, ...] | None]] = []
    best_key: tuple[float, ...] = (inf,)
    for bound, inner, outer in ranked:
        if bound > best_key[0] * (1.0 + _ROUNDING) or bound == inf:
            break
        found = [search.best(_admits(inner, outer)) for search in searches]
        key = tuple(sum(best.key[i] for best in found) for i in range(3))
        if key < best_key:
            best_key, chosen = key, [(best, outer) for best in found]
    if not chosen:
        raise MappingError(
            "no loop order fits every layer, and sequencer.order is fixed; make it programmable, "
            "or give the psum buffer more words"
        )
    return chosen


def _admits(inner: tuple[str, ...], outer: tuple[str, ...]) -> Callable[[_Block], bool]:
    """Return the test of whether a block runs under these orders."""
    return lambda block: block.inner == inner and _within(block.slots, outer)


def _within(slots: tuple[str, ...], outer: tuple[str, ...]) -> bool:
    """Return whether the slots stand in the order of the whole list."""
    return list(slots) == sorted(slots, key=outer.index)


def _choice(
    search: _Search, best: _Best, outer: tuple[str, ...] | None, exhaustive: bool
) -> Choice:
    assert best.block is not None
    slots, tile = best.block.slots, dict(best.tile)
    if outer is None:
        named = search.orders.outer[0] if len(search.orders.outer) == 1 else OUTER_DIMENSIONS
        outer = (
            named
            if _within(slots, named)
            else (*(d for d in OUTER_DIMENSIONS if d not in slots), *slots)
        )
    mapping = Mapping(
        outer=tuple((d, tile[d]) for d in outer),
        inner=best.block.inner,
        hold=search.orders.hold,
    )
    return Choice(
        mapping=mapping,
        objective=search.objective,
        exhaustive=exhaustive,
        cycles=int(best.key[1]),
        energy_fj=best.energy_fj,
        buffer_bits=int(best.key[2]),
        candidates=search.candidates,
    )


def _explain(accelerator: Accelerator, layer: Layer, orders: Orders) -> None:
    """Raise the MappingError of the smallest tiles: no mapping of the layer fits."""
    from asicbnn.mapping.layout import layout

    smallest = {d: tiles(layout(accelerator), layer, d)[0] for d in OUTER_DIMENSIONS}
    mapping = Mapping(
        outer=tuple((d, smallest[d]) for d in orders.outer[0]),
        inner=orders.inner[0],
        hold=orders.hold,
    )
    check_mapping(accelerator, layer, mapping)
    raise MappingError(f"layer {layer.name}: no tile fits the buffers under these loop orders")


__all__ = [
    "Choice",
    "Objective",
    "Prices",
    "choose_layer",
    "choose_network",
    "objective_value",
    "search_orders",
]
