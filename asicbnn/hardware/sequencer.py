"""The two sequencers: loops of a tile, and tiles of a layer, read from configuration registers.

One counter per loop position, a carry chain, and one base register per position and generated
quantity: the loop that increments (`stop`) adds its stride to its own base and hands the sum to
every loop inside it. Edge tiles need nothing special.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from collections.abc import Mapping as MappingView

import pyrtl
from pyrtl import Const, Register, WireVector

from asicbnn.hardware.component import Gates, summed
from asicbnn.hardware.configuration import Configuration
from asicbnn.hardware.gating import Gating
from asicbnn.hardware.wires import (
    add,
    add_gates,
    both,
    choose,
    either,
    equals,
    equals_gates,
    one_of,
    one_of_gates,
    sized,
)
from asicbnn.mapping.loop_nest import OPERANDS, OUTER_DIMENSIONS

Fields = MappingView[str, WireVector]
Adder = Callable[[dict[str, WireVector], dict[str, WireVector]], dict[str, WireVector]]


class Loops:
    """Counters of a nest with run-time bounds: positions outermost first.

    bounds  trips - 1 per position
    step    advance by one iteration        restart  all counters to zero
    zero, last   per position: the counter is at its first or last value
    stop    per position: it is the one that increments next
    end     the last iteration
    """

    def __init__(self, name: str, bounds: Sequence[WireVector]) -> None:
        self.counts = [Register(len(b), name=f"{name}_count{i}") for i, b in enumerate(bounds)]
        self.zero = [equals(count, 0) for count in self.counts]
        self.last = [equals(c, b) for c, b in zip(self.counts, bounds, strict=True)]
        self.increments: list[WireVector] = []
        carry: WireVector = Const(1, 1)
        for last in reversed(self.last):
            self.increments.insert(0, carry)
            carry = carry & last
        self.end = carry
        self.stop = [i & ~last for i, last in zip(self.increments, self.last, strict=True)]

    def connect(self, step: WireVector, restart: WireVector) -> None:
        for count, value in zip(self.counts, self.following(step, restart), strict=True):
            count.next <<= value

    def following(self, step: WireVector, restart: WireVector) -> list[WireVector]:
        """Next value of each counter."""
        values = []
        for count, increment, last in zip(self.counts, self.increments, self.last, strict=True):
            width = len(count)
            after = choose(last, 0, add(count, 1, width), width)
            moved = choose(step & increment, after, count, width)
            values.append(choose(restart, 0, moved, width))
        return values

    @staticmethod
    def gates(widths: Sequence[int]) -> Gates:
        """Gates of connected loops; widths of their counters [bit]."""
        positions, bits = len(widths), sum(widths)
        chains = Gates(flop=bits, mux2=3 * bits, and2=3 * positions, inverter=positions)
        tests = (equals_gates(width).times(2) for width in widths)
        return summed(chains, *tests, *map(add_gates, widths))


class Quantities:
    """Base registers of generated quantities, one per loop position, and their stride adder."""

    def __init__(
        self,
        name: str,
        widths: MappingView[str, int],
        stop: Sequence[WireVector],
        strides: MappingView[str, Sequence[WireVector]],
    ) -> None:
        self.stop, self.strides = stop, strides
        self.bases = {
            q: [Register(bits, name=f"{name}_{q}{i}") for i in range(len(stop))]
            for q, bits in widths.items()
        }

    @property
    def current(self) -> dict[str, WireVector]:
        """Value of each quantity in this iteration."""
        return {q: bases[-1] for q, bases in self.bases.items()}

    def following(
        self, stop: Sequence[WireVector], adder: Adder, wanted: Collection[str]
    ) -> dict[str, WireVector]:
        """Value of the wanted quantities after the loop selected by one-hot `stop` increments."""
        bases = {q: b for q, b in self.bases.items() if q in wanted}
        at = {q: one_of(list(zip(stop, b, strict=True))) for q, b in bases.items()}
        by = {q: one_of(list(zip(stop, self.strides[q], strict=True))) for q in bases}
        return adder(at, by)

    def connect(self, step: WireVector, restart: WireVector, initial: Fields, adder: Adder) -> None:
        """Wire the registers."""
        registers, values = self.loads(step, restart, initial, adder)
        for register, value in zip(registers, values, strict=True):
            register.next <<= value

    def loads(
        self, step: WireVector, restart: WireVector, initial: Fields, adder: Adder
    ) -> tuple[list[Register], list[WireVector]]:
        """Base registers, and the next value of each."""
        registers: list[Register] = []
        values: list[WireVector] = []
        following = self.following(self.stop, adder, self.bases)
        reached: list[WireVector] = []
        running: WireVector = Const(0, 1)
        for stop in self.stop:
            running = running | stop
            reached.append(running)
        for q, bases in self.bases.items():
            width = len(bases[0])
            start = sized(initial[q], width) if q in initial else Const(0, width)
            for base, inside in zip(bases, reached, strict=True):
                moved = choose(step & inside, following[q], base, width)
                registers.append(base)
                values.append(choose(restart, start, moved, width))
        return registers, values

    @staticmethod
    def gates(widths: MappingView[str, int], positions: int, adder: Gates) -> Gates:
        """Gates of connected quantities; `adder` is what their stride adder is made of."""
        bits = sum(widths.values())
        select = Gates(or2=positions, and2=positions * len(widths))
        bases = Gates(flop=bits, mux2=2 * bits).times(positions)
        return summed(Quantities.following_gates(widths, positions, adder), bases, select)

    @staticmethod
    def following_gates(widths: MappingView[str, int], positions: int, adder: Gates) -> Gates:
        """Gates of the value after the next increment."""
        return summed(one_of_gates(positions, sum(widths.values())).times(2), adder)


def plain_adder(at: dict[str, WireVector], by: dict[str, WireVector]) -> dict[str, WireVector]:
    """Base plus stride for every quantity."""
    return {q: add(at[q], by[q], len(at[q])) for q in at}


def plain_adder_gates(widths: MappingView[str, int]) -> Gates:
    """Gates of `plain_adder` for quantities of these widths."""
    return summed(*map(add_gates, widths.values()))


class TileSequencer:
    """The outer loops, one tile ahead of the array: its state is the tile being loaded.

    At `swap` the array takes this tile and the sequencer moves on to the next.
    """

    def __init__(self, c: Configuration, cfg: Fields, widths: MappingView[str, int]) -> None:
        self.configuration, self.fields = c, cfg
        slots = range(c.slots)
        self.loops = Loops("tile", [cfg[f"slot{m}_last"] for m in slots])
        strides = {q: [cfg[f"slot{m}_{q}"] for m in slots] for q in widths}
        self.quantities = Quantities("tile", widths, self.loops.stop, strides)

    @property
    def current(self) -> dict[str, WireVector]:
        return self.quantities.current

    def carries(self, field: str, bit: int) -> WireVector:
        """1 if the loop that increments next has a bit of a slot field set."""
        stops = enumerate(self.loops.stop)
        return either(stop & self.fields[f"slot{m}_{field}"][bit] for m, stop in stops)

    def dimension(self, d: str, flags: Sequence[WireVector]) -> WireVector:
        """The flag of the slot that dimension d sits in; 1 if d has no slot."""
        if d not in self.configuration.slot_dimensions:
            return Const(1, 1)
        bit = OUTER_DIMENSIONS.index(d)
        return either(flag & self.fields[f"slot{m}_dimension"][bit] for m, flag in enumerate(flags))

    def connect(self, swap: WireVector, restart: WireVector, gating: Gating) -> None:
        cfg = self.fields
        initial = {
            "weight_source": cfg["start_weight_source"],
            "input_source": cfg["start_input_source"],
            "y": cfg["start_y"],
            "x": cfg["start_x"],
        }
        counts = self.loops.following(swap, restart)
        bases, values = self.quantities.loads(swap, restart, initial, plain_adder)
        registers = [*self.loops.counts, *bases]
        gating.load("tile_sequencer", [swap, restart], registers, [*counts, *values])

    @staticmethod
    def gates(c: Configuration, widths: MappingView[str, int], is_gated: bool) -> Gates:
        """Gates of the loops over tiles, and of what they step."""
        return summed(
            Loops.gates([c.widths.trips] * c.slots),
            Quantities.gates(widths, c.slots, plain_adder_gates(widths)),
            Gating.load_gates(is_gated, 2, TileSequencer.flops(c, widths)),
        )

    @staticmethod
    def flops(c: Configuration, widths: MappingView[str, int]) -> int:
        """Flops of the sequencer."""
        return c.slots * (c.widths.trips + sum(widths.values()))

    @staticmethod
    def carries_gates(c: Configuration) -> Gates:
        """Gates of one call of `carries`."""
        return one_of_gates(c.slots, 1)

    @staticmethod
    def dimension_gates(c: Configuration, *dimensions: str) -> Gates:
        """Gates of a call of `dimension` for each of them."""
        found = sum(d in c.slot_dimensions for d in dimensions)
        return one_of_gates(c.slots, 1).times(found)


class StepSequencer:
    """The inner loops: one iteration is one step of the array.

    lasts  per outer slot: the tile in the array is the slot's last
    """

    def __init__(
        self,
        c: Configuration,
        cfg: Fields,
        widths: MappingView[str, int],
        lasts: Sequence[WireVector],
    ) -> None:
        self.configuration, self.fields = c, cfg
        levels = range(c.levels)
        tile_lasts = pyrtl.concat_list(list(lasts)) if len(lasts) > 1 else lasts[0]
        bounds = []
        for level in levels:
            edge = pyrtl.or_all_bits(cfg[f"level{level}_slot"] & tile_lasts)
            full, last = cfg[f"level{level}_full"], cfg[f"level{level}_last"]
            bounds.append(pyrtl.select(edge, last, full))
        self.loops = Loops("step", bounds)
        strides = {q: [cfg[f"level{n}_{q}"] for n in levels] for q in widths}
        self.quantities = Quantities("step", widths, self.loops.stop, strides)

    def connect(
        self, issue: WireVector, swap: WireVector, initial: Fields, adder: Adder, gating: Gating
    ) -> None:
        """issue: a step is made; swap: the tile in `initial` starts."""
        counts = self.loops.following(issue, swap)
        bases, values = self.quantities.loads(issue, swap, initial, adder)
        registers = [*self.loops.counts, *bases]
        gating.load("step_sequencer", [issue, swap], registers, [*counts, *values])

    @property
    def current(self) -> dict[str, WireVector]:
        return self.quantities.current

    def _inside(self, operand: str) -> list[WireVector]:
        """Per position: 1 if the operand stays in L0 while this loop ticks."""
        bit = OPERANDS.index(operand)
        return [self.fields[f"level{n}_inside"][bit] for n in range(self.configuration.levels)]

    def loads(self, operand: str) -> WireVector:
        """1 if this step needs the operand's next word."""
        inside = self._inside(operand)
        return both(z | ~i for z, i in zip(self.loops.zero, inside, strict=True))

    def run_ends(self, operand: str) -> WireVector:
        """1 in the last step that uses the operand's word."""
        inside = self._inside(operand)
        return both(last | ~i for last, i in zip(self.loops.last, inside, strict=True))

    def run_stop(self, operand: str) -> list[WireVector]:
        """One-hot: the loop whose increment will end the operand's current run."""
        inside = self._inside(operand)
        over = [last | i for last, i in zip(self.loops.last, inside, strict=True)]
        carry: WireVector = Const(1, 1)
        stops: list[WireVector] = []
        for done in reversed(over):
            stops.insert(0, carry & ~done)
            carry = carry & done
        return stops

    def reduction(self, flags: Sequence[WireVector]) -> WireVector:
        """1 if every reduction loop has its flag."""
        return both(flag | ~self.fields[f"level{n}_reduction"] for n, flag in enumerate(flags))

    def first_after(self, stop: Sequence[WireVector]) -> WireVector:
        """1 if all reduction loops are at zero after the loop `stop` increments.

        Loops outside it keep their count, it becomes non-zero, loops inside return to zero.
        """
        outside: WireVector = Const(1, 1)
        result: WireVector = Const(0, 1)
        for n, (zero, here) in enumerate(zip(self.loops.zero, stop, strict=True)):
            reduces = self.fields[f"level{n}_reduction"]
            result = result | (here & outside & ~reduces)
            outside = outside & (zero | ~reduces)
        return result

    def edge(self, d: str, tile_last: WireVector) -> WireVector:
        """1 in the last trip of dimension d over the whole layer."""
        bit = self.configuration.edges.index(d)
        positions = range(self.configuration.levels)
        here = both(self.loops.last[n] | ~self.fields[f"level{n}_edge"][bit] for n in positions)
        return here & tile_last

    # ------------------------------------------------------------------ counts
    @staticmethod
    def gates(
        c: Configuration, widths: MappingView[str, int], adder: Gates, is_gated: bool
    ) -> Gates:
        """Gates of the loops over steps, their bounds, and of what they step by `adder`."""
        slots, trips = c.slots, c.widths.trips
        bound = Gates(and2=slots, or2=slots - 1, mux2=trips)
        return summed(
            bound.times(c.levels),
            Loops.gates([trips] * c.levels),
            Quantities.gates(widths, c.levels, adder),
            Gating.load_gates(is_gated, 2, StepSequencer.flops(c, widths)),
        )

    @staticmethod
    def flops(c: Configuration, widths: MappingView[str, int]) -> int:
        """Flops of the sequencer."""
        return c.levels * (c.widths.trips + sum(widths.values()))

    @staticmethod
    def test_gates(c: Configuration) -> Gates:
        """Gates of one call of `loads`, `run_ends` or `reduction`; `edge` has an AND more."""
        return Gates(inverter=c.levels, or2=c.levels, and2=c.levels - 1)

    @staticmethod
    def run_stop_gates(c: Configuration) -> Gates:
        """Gates of one call of `run_stop`."""
        return Gates(or2=1, inverter=1, and2=2).times(c.levels)

    @staticmethod
    def first_after_gates(c: Configuration) -> Gates:
        """Gates of one call of `first_after`."""
        return Gates(or2=2, inverter=2, and2=3).times(c.levels)
