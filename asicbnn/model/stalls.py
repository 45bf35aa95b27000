"""Cycles in which the array waits: for its registers (L0), and for the DMA.

Tiles are never enumerated. Two tiles follow each other by a carry at one outer slot: outside it
both have the same indices (full or last), inside it the old tile is at its last and the new one at
its first. That makes 2^M - 1 classes of carries for M outer loops, times two for whether the new
tile is the last at the carry's slot. Equations: docs/models/cycles.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from asicbnn.bnn.layer import DIMENSIONS
from asicbnn.mapping.counts import OUTPUT_DIMENSIONS, record_links, slides
from asicbnn.mapping.layout import Layout
from asicbnn.mapping.loop_nest import OPERANDS
from asicbnn.mapping.points import (
    Number,
    OrderClass,
    Points,
    Trips,
    at_least,
    at_most,
    plus,
    select,
    times,
)

SUBSETS = tuple(subset for n in (1, 2, 3) for subset in combinations(range(3), n))


@dataclass(frozen=True)
class Ports:
    """Port trips of one load of weight, input and psum, and who shares a port.

    shared  weight and input behind one port: their trips add
    shadow  registers are double: a load hides behind the steps before it
    """

    slots: tuple[Number, Number, Number]
    shared: bool
    shadow: bool

    def access_cycles(self, subset: tuple[int, ...]) -> Number:
        """f(F): cycles of a step that loads the operands of the subset, at least one."""
        cycles: Number = 1.0
        if self.shared and {0, 1} <= set(subset):
            cycles = at_least(cycles, self.slots[0] + self.slots[1])
        for x in subset:
            cycles = at_least(cycles, self.slots[x])
        return cycles

    @property
    def longest(self) -> Number:
        """Largest of the three."""
        return at_least(at_least(*self.slots[:2]), self.slots[2])

    def extra_cycles(self) -> dict[tuple[int, ...], Number]:
        """Cycles beyond the first that a step owes to loading exactly this subset together.

        The Moebius transform of f - 1 over subsets: f(F) - 1 is the sum over the subsets of F.
        """
        extra: dict[tuple[int, ...], Number] = {}
        for subset in SUBSETS:
            value = self.access_cycles(subset) - 1.0
            for part, cycles in extra.items():
                if set(part) < set(subset):
                    value = value - cycles
            extra[subset] = value
        return extra


def register_stalls(ports: Ports, loads: tuple[Number, Number, Number]) -> Number:
    """Cycles steps take beyond the first, over the layer, with blocking registers.

    Loads nest (j_a <= j_b <= j_c): the steps that load all operands of a subset are the loads of
    its rarest one.
    """
    stalls: Number = 0.0
    for subset, cycles in ports.extra_cycles().items():
        if isinstance(cycles, float) and cycles == 0.0:
            continue
        together = loads[subset[0]]
        for x in subset[1:]:
            together = at_most(together, loads[x])
        stalls = plus(stalls, cycles * together)
    return stalls


@dataclass(frozen=True)
class Chain:
    """A product over dimensions for one tile, factored by outer slot: full or last there."""

    constant: Number
    full: tuple[Number, ...]
    last: tuple[Number, ...]

    @classmethod
    def of(
        cls,
        slots: tuple[str, ...],
        full: dict[str, Number],
        last: dict[str, Number],
        constant: Number = 1.0,
    ) -> Chain:
        """Chain of the dimensions in the two tables; those outside the slots are constant."""
        for d, value in full.items():
            if d not in slots:
                constant = times(constant, value)
        return cls(
            constant,
            tuple(full.get(d, 1.0) for d in slots),
            tuple(last.get(d, 1.0) for d in slots),
        )

    @property
    def first_tile(self) -> Number:
        """Value for the first tile, full everywhere."""
        result = self.constant
        for value in self.full:
            result = times(result, value)
        return result


def _suffixes(values: Sequence[Number]) -> list[Number]:
    """Products of the values after each position."""
    result: list[Number] = [1.0] * len(values)
    for m in range(len(values) - 2, -1, -1):
        result[m] = times(values[m + 1], result[m + 1])
    return result


@dataclass(frozen=True)
class Load:
    """DMA load of one operand's tile: link words, the carry slot that asks for it, its burst."""

    chain: Chain
    reload_slot: int
    latency: float
    slide_full: Number | None = None
    slide_last: Number | None = None

    def arriving(self, slot: int) -> tuple[Number, Number]:
        """Factors of the new tile from `slot` inwards: full there, and last there."""
        full, last = self.chain.full[slot], self.chain.last[slot]
        if slot == self.reload_slot and self.slide_full is not None:
            assert self.slide_last is not None
            full, last = self.slide_full, self.slide_last
        inner = _suffixes(self.chain.full)[slot]
        return times(full, inner), times(last, inner)


def tile_loads(
    lay: Layout,
    order: OrderClass,
    points: Points,
    trips: Trips,
    circular_rows: bool,
    latency: float,
) -> tuple[Load, Load]:
    """How the weight and the input tile are loaded."""
    slots = order.slots
    weight = Chain.of(
        slots,
        {"K": trips.full["K"], "C": trips.full["C"]},
        {"K": trips.last["K"], "C": trips.last["C"]},
        times(float(lay.links_per_weight), trips.product("all", ("FY", "FX", "BW"))),
    )

    def extents(sizes: dict[str, Number], counts: dict[str, Number]) -> dict[str, Number]:
        return {
            "B": sizes["B"],
            "C": record_links(lay, counts["C"]),
            "OY": (sizes["OY"] - 1.0) * points.stride + points.size["FY"],
            "OX": (sizes["OX"] - 1.0) * points.stride + points.size["FX"],
        }

    full = extents(trips.full_size, trips.full)
    last = extents(trips.last_size, trips.last)
    chain = Chain.of(slots, full, last, points.size["BA"])
    sliding = slides(order, points, circular_rows)
    slide_full: Number | None = None
    slide_last: Number | None = None
    if sliding is not False:
        slide_full = select(sliding, trips.full_size["OY"] * points.stride, full["OY"])
        slide_last = select(sliding, trips.last_size["OY"] * points.stride, last["OY"])
    return (
        Load(weight, order.reload_slot("weight"), latency),
        Load(chain, order.reload_slot("input"), latency, slide_full, slide_last),
    )


def compute_chains(order: OrderClass, trips: Trips, ports: Ports) -> list[tuple[Number, Chain]]:
    """Return the steps of a tile and the loads of its operands, each with its cycles.

    Blocking registers add the products, shadow registers take the longest.
    """
    moving = [d for d in DIMENSIONS if order.moving[d]]
    groups: dict[tuple[str, ...], Number] = {tuple(moving): 1.0}
    inside = [tuple(d for d in moving if order.inside[x][d]) for x in OPERANDS]
    if ports.shadow:
        for dims, slots in zip(inside, ports.slots, strict=True):
            groups[dims] = at_least(groups.get(dims, 0.0), slots)
    else:
        # j_a <= j_b <= j_c: a step that loads x also loads everything that loads more often
        ranked = sorted(range(3), key=lambda x: len(inside[x]))
        for rank, x in enumerate(ranked):
            cycles = ports.access_cycles(tuple(ranked[rank:]))
            rest = tuple(ranked[rank + 1 :])
            cycles = cycles - (ports.access_cycles(rest) if rest else 1.0)
            groups[inside[x]] = plus(groups.get(inside[x], 0.0), cycles)
    return [
        (
            cycles,
            Chain.of(
                order.slots, {d: trips.full[d] for d in dims}, {d: trips.last[d] for d in dims}
            ),
        )
        for dims, cycles in groups.items()
        if not (isinstance(cycles, float) and cycles == 0.0)
    ]


def held_chain(order: OrderClass, trips: Trips) -> Chain:
    """Finished words of a tile: none before the last tile of the input channels."""
    full = {d: trips.full[d] for d in OUTPUT_DIMENSIONS if order.moving[d]}
    last = {d: trips.last[d] for d in OUTPUT_DIMENSIONS if order.moving[d]}
    if "C" in order.slots:
        full["C"], last["C"] = 0.0, 1.0
    return Chain.of(order.slots, full, last)


class CarryClasses:
    """Sums over all pairs of neighbouring tiles, one class of carries at a time."""

    def __init__(
        self,
        trips: Trips,
        slots: tuple[str, ...],
        terms: list[tuple[Number, Chain]],
        held: tuple[Number, Chain] | None,
        shadow_start: Number | None,
        loads: Sequence[Load],
    ) -> None:
        self.again = [trips.tiles[d] - 1.0 for d in slots]
        self.chains = [chain for _, chain in terms]
        self.weights = [cycles for cycles, _ in terms]
        if held is not None:
            self.weights.append(held[0])
            self.chains.append(held[1])
        self.terms = len(terms)
        self.shadow_start = shadow_start
        self.loads = loads
        self.tails = [
            [times(f, t) for f, t in zip(c.full, _suffixes(c.last), strict=True)]
            for c in self.chains
        ]
        for q, weight in enumerate(self.weights):
            self.tails[q] = [times(weight, t) for t in self.tails[q]]
        self.arrivals = [[load.arriving(m) for m in range(load.reload_slot + 1)] for load in loads]
        self.stalls: Number = 0.0
        self.cycles: Number = 0.0
        if slots:
            self._carry(
                0,
                [c.constant for c in self.chains],
                [load.chain.constant for load in loads],
                1.0,
            )
        if shadow_start is not None:
            ends = [times(c.constant, c.last[0]) if slots else c.constant for c in self.chains]
            after = [_suffixes(c.last)[0] if slots else 1.0 for c in self.chains]
            self.cycles = self.cycles + self._tile(
                [times(w, times(a, b)) for w, a, b in zip(self.weights, ends, after, strict=True)]
            )

    def _tile(self, values: list[Number]) -> Number:
        """Cycles of a tile from its weighted products (the held cycles come last)."""
        total = values[0]
        for value in values[1 : self.terms]:
            total = at_least(total, value) if self.shadow_start is not None else total + value
        if self.shadow_start is not None:
            total = plus(total, self.shadow_start)
        for value in values[self.terms :]:
            total = plus(total, value)
        return total

    def _carry(
        self, m: int, prefix: list[Number], arriving: list[Number], multiplicity: Number
    ) -> None:
        """Carries at slot m and inside it, under one choice of full or last outside."""
        again = self.again[m]
        asked = [
            (arriving[i], self.arrivals[i][m], load.latency)
            for i, load in enumerate(self.loads)
            if m <= load.reload_slot
        ]
        if asked or self.shadow_start is not None:
            cycles = self._tile([times(p, t[m]) for p, t in zip(prefix, self.tails, strict=True)])
        if self.shadow_start is not None:
            self.cycles = self.cycles + times(multiplicity, again) * cycles
        if asked:
            self.stalls = plus(self.stalls, times(multiplicity, self._waits(asked, cycles, again)))
        if m + 1 == len(self.again):
            return
        for pick in ("full", "last"):
            inner = [
                times(p, getattr(c, pick)[m]) for p, c in zip(prefix, self.chains, strict=True)
            ]
            words = [
                times(p, getattr(load.chain, pick)[m]) if m < load.reload_slot else p
                for p, load in zip(arriving, self.loads, strict=True)
            ]
            repeats = times(multiplicity, again) if pick == "full" else multiplicity
            self._carry(m + 1, inner, words, repeats)

    @staticmethod
    def _waits(
        asked: list[tuple[Number, tuple[Number, Number], float]], cycles: Number, again: Number
    ) -> Number:
        """Cycles the array waits at the carries of one class: new tile full, or last."""
        latency = sum(burst for _, _, burst in asked)
        slack = cycles - latency
        full: Number = 0.0
        last: Number = 0.0
        same = True
        for words, (full_factor, last_factor), _ in asked:
            full = plus(full, times(words, full_factor))
            last = plus(last, times(words, last_factor))
            same = same and full_factor is last_factor
        if same:
            return again * at_least(full - slack, 0.0)
        return (again - 1.0) * at_least(full - slack, 0.0) + at_least(last - slack, 0.0)
