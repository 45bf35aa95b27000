"""Area by part: logic from gate counts, memories from what is built of each.

Logic and memories stay apart all the way: memories usually weigh ten times the array, and a sum
hides it. Equations: docs/models/area.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType

from asicbnn.errors import ModelError
from asicbnn.levels import Level, ResultLevel
from asicbnn.mapping.layout import Layout, ceil_log2, layout
from asicbnn.model.component_area import ComponentArea, counted_areas, mapped_areas
from asicbnn.result import PARTS
from asicbnn.spec.accelerator import Accelerator, OperatingPoint
from asicbnn.spec.external import PowerUp
from asicbnn.spec.extras import Extras
from asicbnn.spec.memories import Sram
from asicbnn.spec.placement import Placement
from asicbnn.technology.cells import Cells
from asicbnn.technology.levels import MEMORY_LEVELS
from asicbnn.technology.library import Technology
from asicbnn.technology.macro import MacroList
from asicbnn.technology.macros import load as load_macros
from asicbnn.technology.memories import Kind, Memory, Ports, Pricing, WriteMask, memory
from asicbnn.technology.routing import clock_buffers_um2, routed_factors
from asicbnn.technology.trimmed_cells import TrimmedCells

TREE = "clock tree"
"""Origin of the error of the clock tree's buffers."""

PART_OF_COMPONENT: Mapping[str, str] = MappingProxyType(
    {
        "array": "array",
        "registers": "array",
        "sequencer": "control",
        "controller": "control",
        "dma": "dma",
        "output": "post",
    }
)
"""The part of a result each hardware component is reported under."""


@dataclass(frozen=True)
class Macro:
    """What a part's memory is built of: ``count`` equal memories of ``words`` x ``word_bits``.

    write_bits   a word is written in parts of so many bits, one after the other; None: at once
    key          the field of the spec that asks for it
    extrapolate  whether an SRAM below the range of the fit is priced all the same
    """

    part: str
    kind: Kind
    words: int
    word_bits: int
    count: int = 1
    ports: Ports = "1rw"
    write_mask: WriteMask = "none"
    write_bits: int | None = None
    key: str = ""
    extrapolate: bool = False

    def priced(
        self, technology: Technology, pricing: Pricing = "fit", listed: MacroList | None = None
    ) -> Memory:
        """Price list of one of them; ModelError led by the field if there is no such memory."""
        try:
            return memory(
                technology, self.kind, self.words, self.word_bits, self.ports, self.write_mask,
                write_bits=self.write_bits, pricing=pricing, macros=listed,
                extrapolate=self.extrapolate,
            )  # fmt: skip
        except ModelError as error:
            raise ModelError(f"{self.key}: {error}") from None


def _halved(macro: Macro) -> Macro:
    """Return the two halves of a ping-pong SRAM: one is filled while the other is read."""
    return replace(macro, words=macro.words // 2, count=2)


@lru_cache(maxsize=1024)
def macros(accelerator: Accelerator) -> tuple[Macro, ...]:
    """Return the memories an accelerator builds, in the order of `result.PARTS`.

    A memory is as wide as its port, and as many times deeper as a word takes port trips.
    """
    lay = layout(accelerator)
    built = [*_buffers(accelerator, lay), *_store(accelerator, lay)]
    if "argmax" in accelerator.post:
        built.append(_classes(accelerator, lay))
    return tuple(built)


def _buffers(accelerator: Accelerator, lay: Layout) -> list[Macro]:
    buffers = accelerator.buffers
    built = []
    weight = Macro(
        "weight_buffer", buffers.weight.kind, lay.weight_words * lay.weight_slots,
        lay.weight_port_bits, write_bits=lay.link_bits, key="buffers.weight",
        extrapolate=buffers.weight.extrapolate,
    )  # fmt: skip
    halves = buffers.weight.ping_pong and weight.kind == "sram"
    built.append(_halved(weight) if halves else weight)
    pixels = Macro(
        "input_buffer", buffers.input.kind, lay.input_words * lay.input_word_slots,
        lay.input_port_bits, ports=buffers.input.ports, write_bits=lay.link_bits,
        key="buffers.input",
        extrapolate=buffers.input.extrapolate,
    )  # fmt: skip
    alternates = buffers.input.ping_pong and not buffers.input.circular_rows
    halves = alternates and pixels.kind == "sram"
    built.append(_halved(pixels) if halves else pixels)
    if lay.psum_words:
        built.append(Macro(
            "psum_buffer", buffers.psum.kind, lay.psum_words * lay.psum_slots,
            lay.psum_port_bits, ports=buffers.psum.ports, key="buffers.psum",
            extrapolate=buffers.psum.extrapolate,
        ))  # fmt: skip
    thresholds = Macro(
        "threshold_buffer", buffers.threshold.kind, lay.threshold_words, lay.threshold_word_bits,
        write_bits=lay.link_bits, key="buffers.threshold",
        extrapolate=buffers.threshold.extrapolate,
    )  # fmt: skip
    built.append(thresholds)
    if lay.pool_words:
        # a window is read and written back in every slot: a port each
        built.append(Macro(
            "pool_buffer", buffers.pool.kind, lay.pool_words, lay.unroll["K"], ports="1r1w",
            key="buffers.pool", extrapolate=buffers.pool.extrapolate,
        ))  # fmt: skip
    return built


def _store(accelerator: Accelerator, lay: Layout) -> list[Macro]:
    """Return the banks on the chip; a piece narrower than the link is a masked write."""
    store = accelerator.store
    weights = Macro(
        "store_weight", "rom" if store.kind == "rom" else "sram", lay.weight_bank_words,
        lay.link_bits, key="store.kib.weights", extrapolate=store.extrapolate,
    )  # fmt: skip
    activations = Macro(
        "store_activation", "sram", lay.activation_bank_words, lay.link_bits, 2,
        write_mask=_piece_mask(lay), key="store.kib.activations", extrapolate=store.extrapolate,
    )  # fmt: skip
    if store.external is None:
        return [weights, activations]
    return [activations] if store.external.holds == "weights" else []


def _piece_mask(lay: Layout) -> WriteMask:
    if lay.output_piece_bits >= lay.link_bits:
        return "none"
    return "bit" if lay.output_piece_bits % 8 else "byte"


def _classes(accelerator: Accelerator, lay: Layout) -> Macro:
    """Return the registers of the output stage that hold an image's best score and its class."""
    images = accelerator.limits.batch
    score = lay.psum_bits + 2
    index = ceil_log2(lay.unroll["K"]) + ceil_log2(lay.threshold_words)
    return Macro("post", "register", images, score + index, ports="1r1w", key="limits.batch")


def component_cells(accelerator: Accelerator) -> dict[str, Cells]:
    """Return the standard cells of each hardware component, memories left out."""
    # closed forms stand beside what is built: they import PyRTL, which nothing before needs
    from asicbnn.hardware.structure import logic_gates

    built = logic_gates(structural(accelerator))
    return {name: gates.cells() for name, gates in built.items()}


def trimmed_cells(accelerator: Accelerator) -> Mapping[str, TrimmedCells]:
    """Return the cells of each component as synthesis finds them, memories left out."""
    from asicbnn.hardware import trimmed

    return trimmed.trimmed_cells(structural(accelerator))


def gated_flops(accelerator: Accelerator) -> int:
    """Return how many flops of the components stand behind clock gates."""
    from asicbnn.hardware.structure import structure

    return structure(structural(accelerator)).gated_flops


def structural(accelerator: Accelerator) -> Accelerator:
    """Return the accelerator with everything at its default that changes no gate.

    Designs that differ in technology, clock, kind of memory or dataflow are counted once.
    """
    buffers = accelerator.buffers
    kinds = {
        name: getattr(buffers, name).model_copy(update={"kind": "latch", "extrapolate": False})
        for name in ("weight", "input", "psum", "threshold", "pool")
    }
    changes: dict[str, object] = {
        "name": "structure",
        "technology": "any",
        "operating_point": OperatingPoint(),
        "floorplan": Placement(),
        "buffers": buffers.model_copy(update=kinds),
        "store": accelerator.store.model_copy(
            update={"kind": "sram", "external": None, "extrapolate": False}
        ),
        "sram": Sram(),
        "power_up": PowerUp(),
        "extras": Extras(),
        "host": accelerator.host.model_copy(update={"energy_pj_per_bit": 0.0}),
    }
    if accelerator.sequencer.order == "programmable":
        changes["dataflow"] = "output_stationary"
    return accelerator.model_copy(update=changes)


@dataclass(frozen=True, slots=True)
class AreaTerm:
    """What a part's area is a sum of [um2]; level, error and origin as in `energy.Rate`."""

    part: str
    term: str
    area_um2: float
    level: Level = "cell"
    relative_error: float = 0.0
    origin: str = ""


@dataclass(frozen=True)
class Area:
    """What an accelerator is made of, and how large it is before placement [um2].

    cells        standard cells of each hardware component
    memories     each macro with its price list
    parts        area by part of `result.PARTS`
    gated_flops  flops of the cells that stand behind clock gates
    terms        what the parts are sums of
    components   area and leakage of each hardware component, the clock tree left out
    level        gate if the factors of a calibrated technology are in it
    """

    cells: Mapping[str, Cells]
    memories: tuple[tuple[Macro, Memory], ...]
    parts: Mapping[str, float]
    gated_flops: int
    terms: tuple[AreaTerm, ...] = ()
    components: Mapping[str, ComponentArea] = field(default_factory=dict)
    level: ResultLevel = "cell"

    @property
    def logic_area_um2(self) -> float:
        """Standard cells outside memories, clock tree included."""
        return sum(um2 for part, um2 in self.parts.items() if PARTS[part].kind == "logic")

    @property
    def memory_area_um2(self) -> float:
        """Buffers and store."""
        return sum(um2 for part, um2 in self.parts.items() if PARTS[part].kind == "memory")

    @property
    def cells_um2(self) -> float:
        """Everything made of standard cells before placement, memories too, without clock tree."""
        logic = sum(component.area_um2 for component in self.components.values())
        memories = (macro.count * x.area_um2 for macro, x in self.memories if not x.macros)
        return logic + sum(memories)

    @property
    def area_um2(self) -> float:
        """All of it."""
        return self.logic_area_um2 + self.memory_area_um2

    @property
    def logic_cells(self) -> Cells:
        """All standard cells outside memories."""
        return sum(self.cells.values(), Cells())

    @property
    def always_clocked(self) -> Cells:
        """Cells of the logic whose clock pins switch in every cycle: clock gates among them."""
        cells = self.logic_cells
        return Cells(flop=cells.flop - self.gated_flops, clock_gate=cells.clock_gate)

    def metrics(self) -> dict[str, float]:
        """Return the area columns of a result."""
        return {
            "area_um2": self.area_um2,
            "logic_area_um2": self.logic_area_um2,
            "memory_area_um2": self.memory_area_um2,
            **{f"{part}_area_um2": um2 for part, um2 in self.parts.items()},
        }


def area(
    accelerator: Accelerator, technology: Technology, level: ResultLevel | None = None
) -> Area:
    """Area of an accelerator in a technology, by part.

    level  cell: every cell as counted; gate: times the factors of a calibrated technology; None
           takes the best the technology has. Raises ModelError for factors it lacks.
    """
    level = level or technology.best_level
    cells = component_cells(accelerator)
    pricing, listed = accelerator.sram.macros, load_macros(accelerator.sram.lists)
    memories = tuple(
        (macro, macro.priced(technology, pricing, listed)) for macro in macros(accelerator)
    )
    popcount = accelerator.array.popcount.structure
    components = (
        mapped_areas(trimmed_cells(accelerator), technology, popcount)
        if level == "gate"
        else counted_areas(cells, technology)
    )
    gated = gated_flops(accelerator)
    terms = (
        *_logic_terms(components), _tree_term(technology, cells, gated), *_memory_terms(memories)
    )  # fmt: skip
    if technology.node_error:  # one error for all of it, beside which the others do not count
        terms = tuple(_scaled(term, technology.node_error) for term in terms)
    parts = {name: 0.0 for name, part in PARTS.items() if part.has_area}
    for term in terms:
        parts[term.part] += term.area_um2
    return Area(
        MappingProxyType(cells), memories, MappingProxyType(parts), gated, terms,
        MappingProxyType(components), level,
    )  # fmt: skip


def _logic_terms(components: Mapping[str, ComponentArea]) -> Iterator[AreaTerm]:
    for name, component in components.items():
        yield AreaTerm(
            PART_OF_COMPONENT[name], name, component.area_um2, component.level,
            component.relative_error, component.origin,
        )  # fmt: skip


def _tree_term(technology: Technology, cells: Mapping[str, Cells], gated: int) -> AreaTerm:
    """Clock buffers and inverters, as finished flows have them."""
    sinks = tree_sinks(sum(cells.values(), Cells()), gated)
    error = routed_factors(technology).clock_area_ge_per_sink.relative_error
    um2 = clock_buffers_um2(technology, sinks)
    return AreaTerm("clock", "tree", um2, "routed", error, TREE)


def tree_sinks(cells: Cells, gated_flops: int) -> int:
    """Sinks of a clock tree: flops without clock gate, and the gates."""
    return cells.flop - gated_flops + cells.clock_gate


def _memory_terms(memories: Iterable[tuple[Macro, Memory]]) -> Iterator[AreaTerm]:
    for macro, priced in memories:
        yield AreaTerm(
            macro.part, macro.kind, macro.count * priced.area_um2, MEMORY_LEVELS[priced.level],
            priced.area_error, f"area of {macro.kind} memories",
        )  # fmt: skip


def _scaled(term: AreaTerm, error: float) -> AreaTerm:
    return replace(
        term, level="assumed", relative_error=max(error, term.relative_error), origin="node scaling"
    )


__all__ = [
    "PART_OF_COMPONENT", "TREE", "Area", "AreaTerm", "Macro", "area", "component_cells", "macros",
    "tree_sinks",
]  # fmt: skip
