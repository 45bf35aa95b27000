"""The best of the legal mappings: every stated candidate is counted or proven not to win.

Candidates are loop orders times tiles. A lower bound of each (`candidates.py`) orders the search
(`layer_search.py`); what a bound cannot rule out is counted exactly. So the result is the best of
all candidates, not of those looked at: `tests/model/test_choose.py` compares it with counting them
one by one.

Ties go to fewer cycles, then to fewer buffer bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from math import inf
from typing import TYPE_CHECKING

from asicbnn.bnn.layer import Layer
from asicbnn.errors import MappingError
from asicbnn.mapping.capacity import check_layer, check_mapping
from asicbnn.mapping.dataflow import ORDERS, hold_flags
from asicbnn.mapping.loop_nest import OUTER_DIMENSIONS, Mapping
from asicbnn.mapping.points import reserve_heap
from asicbnn.mapping.tiling import tiles
from asicbnn.model.candidates import Orders, Prices
from asicbnn.model.cycles import Machine
from asicbnn.model.layer_search import (
    ROUNDING,
    Best,
    Block,
    LayerSearch,
    Objective,
    objective_value,
)

if TYPE_CHECKING:
    from asicbnn.spec.accelerator import Accelerator

FREE_INNER = ("output_stationary", "weight_stationary", "input_stationary", "row_stationary")
"""Inner orders of a free search: no other order of a binary convolution is cheaper."""


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
        search = LayerSearch(accelerator, machine, layer, paid, orders, objective, exhaustive)
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
    searches: Sequence[LayerSearch],
) -> list[tuple[Best, tuple[str, ...] | None]]:
    """Best mappings under one inner and outer order for all layers.

    Every pair of orders has a bound, the sum of its layers' least; pairs are counted from the
    least bound on until the bounds pass the best sum.
    """
    chosen: list[tuple[Best, tuple[str, ...] | None]] = []
    best_key: tuple[float, ...] = (inf,)
    for bound, inner, outer in _ranked_orders(searches):
        if bound > best_key[0] * (1.0 + ROUNDING) or bound == inf:
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


def _ranked_orders(
    searches: Sequence[LayerSearch],
) -> list[tuple[float, tuple[str, ...], tuple[str, ...]]]:
    """Return the bound of every inner and outer order with them, the least bound first."""
    least: list[dict[tuple[tuple[str, ...], tuple[str, ...]], float]] = []
    for search in searches:
        table: dict[tuple[tuple[str, ...], tuple[str, ...]], float] = {}
        for block in search.blocks:
            at = block.inner, block.slots
            table[at] = min(table.get(at, inf), block.bound)
        least.append(table)
    orders = searches[0].orders
    ranked = []
    for inner, outer in product(orders.inner, orders.outer):
        bound = sum(
            min((v for (i, s), v in table.items() if i == inner and _within(s, outer)), default=inf)
            for table in least
        )
        ranked.append((bound, inner, outer))
    return sorted(ranked, key=lambda order: order[0])


def _admits(inner: tuple[str, ...], outer: tuple[str, ...]) -> Callable[[Block], bool]:
    """Return the test of whether a block runs under these orders."""
    return lambda block: block.inner == inner and _within(block.slots, outer)


def _within(slots: tuple[str, ...], outer: tuple[str, ...]) -> bool:
    """Return whether the slots stand in the order of the whole list."""
    return list(slots) == sorted(slots, key=outer.index)


def _choice(
    search: LayerSearch, best: Best, outer: tuple[str, ...] | None, exhaustive: bool
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


__all__ = ["Choice", "Prices", "choose_layer", "choose_network", "search_orders"]
