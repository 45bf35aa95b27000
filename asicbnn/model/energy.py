"""Energy as a table of rates: so much for each event, charged to a part.

Every term of the energy is an event count times a price, so that what a search minimises
(`prices.py`) and what a result reports are the same table. Equations: docs/models/energy.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from asicbnn.bnn.layer import Layer
from asicbnn.hardware.popcount_cut import popcount_cut
from asicbnn.levels import Level
from asicbnn.mapping.layout import Layout, ceil_log2, layout
from asicbnn.model.area import Area
from asicbnn.model.assumptions import assumptions, summed_planes
from asicbnn.model.control import CONTROL, control_outputs, switching_cells
from asicbnn.model.data_events import active_counts, counted_events, data_events, loading
from asicbnn.model.gating import clocked_by_events
from asicbnn.model.outside import ORIGIN, Outside, outside
from asicbnn.result import METRICS, PARTS
from asicbnn.spec.accelerator import Accelerator
from asicbnn.technology.cells import Cells
from asicbnn.technology.library import Technology
from asicbnn.technology.popcount import popcount_energy

_FJ_PER_PJ = 1e3
_FJ_PER_NW_PS = 1e-6

STORE_ACCESSES = (
    "store_weight_reads", "store_weight_writes", "store_activation_reads",
    "store_activation_writes",
)  # fmt: skip

COMPARING_ADDERS = 2
"""Full adders behind each plane of a sum: of padding, and of the comparison with a threshold."""

WIRES = " wires"
"""Ends the term of what the nets between the cells of another term cost (`wires.py`)."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What one event costs.

    part    who is charged, of `result.PARTS`     term   for what, in a word
    event   the count it goes by: a count of `result.METRICS`, of `data_events`, or an event of
            gated registers
    level   where the figure comes from           relative_error   of it (`levels.interval`)
    origin  what the error stems from: errors of one origin are one error, those of different
            origins are independent; those of rates that state none are in `rate_errors.py`
    also    further errors of the same figure, independent of the first: (origin, relative error)
    transitions  of nets between the part's cells, in one event: each drives wire once routed
    """

    part: str
    term: str
    event: str
    energy_fj: float
    level: Level = "cell"
    relative_error: float = 0.0
    origin: str = ""
    transitions: float = 0.0
    also: tuple[tuple[str, float], ...] = ()

    @property
    def errors(self) -> tuple[tuple[str, float], ...]:
        """Every error of the figure: (origin, relative error)."""
        return (self.origin, self.relative_error), *self.also


def energy_counts(
    accelerator: Accelerator,
    layer: Layer,
    counts: Mapping[str, int],
    n_cfg: int,
    *,
    is_random: bool = False,
) -> dict[str, float]:
    """Return everything energy goes by: a layer's counts, and the events that follow from them.

    n_cfg      link words of one layer's configuration: `configuration_words`, which the chain
               shifts in
    is_random  inputs are drawn at random (`data_events.data_events`)
    """
    known = loading(accelerator, layer.stride)
    events = data_events(accelerator, layer, is_random=is_random)
    return {
        **counts,
        **active_counts(layer, layout(accelerator)),
        **counted_events(events, counts, known),
        "configuration_words": n_cfg,
    }


def rates(
    accelerator: Accelerator, technology: Technology, built: Area, period_ps: float, stride: int = 1
) -> tuple[Rate, ...]:
    """Return every rate of an accelerator but those of its clock tree (`clock_tree.py`).

    Those of the array depend on a layer's stride.
    """
    lay = layout(accelerator)
    return (
        *_array(accelerator, technology, lay, stride),
        *_logic(accelerator, technology, built, lay),
        *_gated(accelerator, technology, stride),
        *_memories(built),
        *_store_link(accelerator, technology, built, lay),
        *_outside(accelerator, lay, period_ps),
        *_leakage(technology, built, period_ps),
    )


def _array(
    accelerator: Accelerator, technology: Technology, lay: Layout, stride: int
) -> Iterator[Rate]:
    """Energies of full words of random bits; the events say how much of that a layer is worth."""
    popcount = accelerator.array.popcount
    energy = popcount_energy(technology, popcount.structure, lay.lanes)
    half = assumptions().random_bit.value
    mask, flop = technology.cell("and2"), technology.cell("flop")
    gates = lay.pes * lay.lanes
    cut = popcount_cut(popcount.structure, lay.lanes, popcount.pipeline_stages)
    registers = cut.flops + lay.lanes.bit_length()
    summed = summed_planes(lay)
    adder = Cells(full_adder=1, and2=2, or2=2, flop=1)
    weights_of_planes = accelerator.limits.weight_bits + accelerator.limits.activation_bits - 1
    if weights_of_planes > 1:  # one of the shifted counts is chosen
        adder += Cells(and2=1, or2=ceil_log2(weights_of_planes))
    compare = Cells(full_adder=COMPARING_ADDERS)
    masked = half * (mask.internal_energy_fj + technology.pin_energy_fj("and2"))
    crossed = gates * half
    yield Rate("array", "xnor", "xnor_steps", gates * energy.xnor_fj, transitions=crossed)
    yield Rate("array", "mask", "masked_lane_steps", masked, transitions=half)
    counters = max(0.0, energy.transitions - half)
    yield Rate("array", "popcount", "counted_lane_steps", energy.counters_fj, transitions=counters)
    bits = registers * half
    registered = bits * flop.toggle_energy_fj
    yield Rate("array", "popcount register", "registered_pe_steps", registered, transitions=bits)
    added = summed * technology.switching_energy_fj(adder, half)
    nets = summed * half * adder.outputs
    yield Rate("array", "accumulate", "added_pe_steps", added, transitions=nets)
    compared = summed * technology.switching_energy_fj(compare, half)
    nets = summed * half * compare.outputs
    yield Rate("array", "compare", "compared_pe_steps", compared, transitions=nets)
    loaded = _register_bit_fj(accelerator, technology)
    loaded *= 2 if accelerator.registers.shadow else 1
    inner = _register_nets(accelerator)
    pins = gates * energy.input_pin_fj
    # a weight's register drives the gate beside it, an input's a net to all PEs (model/wires.py)
    for operand, port, slots, local in (
        ("weight", lay.weight_port_bits, lay.weight_slots, inner + 1),
        ("input", lay.input_port_bits, lay.input_slots(stride), inner),
    ):
        yield Rate(
            "array", f"{operand} register", f"filled_{operand}_reads",
            port * loaded + pins / slots, transitions=port * half * local,
        )  # fmt: skip
    sums = lay.psum_word_bits / lay.psum_slots
    loaded += half * technology.pin_energy_fj("and2")
    yield Rate(
        "array", "psum register", "psum_buffer_reads", sums * loaded,
        transitions=sums * half * (inner + 1),
    )  # fmt: skip


def _register_nets(accelerator: Accelerator) -> int:
    """Nets that a loaded bit crosses before it leaves its register: to the flop, to the shadow."""
    held = 0 if accelerator.clock_gating == "register" else 1
    return 2 * held + 1 if accelerator.registers.shadow else held


def _register_bit_fj(accelerator: Accelerator, technology: Technology) -> float:
    """Energy of loading a random bit into a register that keeps its value otherwise [fJ].

    It passes the multiplexer that holds the value, unless a clock gate takes its place.
    """
    flop, hold = technology.cell("flop"), technology.cell("mux2")
    half = assumptions().random_bit.value
    if accelerator.clock_gating == "register":
        return half * (flop.internal_energy_fj + technology.pin_energy_fj("flop"))
    pins = technology.pin_energy_fj("flop") + technology.pin_energy_fj("mux2")
    return half * (flop.internal_energy_fj + hold.internal_energy_fj + pins)


def _gated(accelerator: Accelerator, technology: Technology, stride: int) -> Iterator[Rate]:
    """Flops behind clock gates are clocked by the events that load them."""
    flop_fj = technology.clock_pin_energy_fj_per_cycle(Cells(flop=1))
    gate_fj = 2 * technology.cell("clock_gate").internal_energy_fj  # its output rises and falls
    for each in clocked_by_events(accelerator, stride):
        energy = float(each.flops) * flop_fj + float(each.gates) * gate_fj
        yield Rate("clock", each.family.replace("_", " "), each.event, energy)


def _logic(
    accelerator: Accelerator, technology: Technology, built: Area, lay: Layout
) -> Iterator[Rate]:
    """Control switches as it was seen to in simulation; what no gate stops is clocked always."""
    known = assumptions()
    outputs = control_outputs(accelerator, built.cells)
    for (part, term), each in CONTROL.items():
        cells = switching_cells(built.cells, each.component)
        mean_fj = technology.switching_energy_fj(cells, 1.0) / cells.outputs
        moved = outputs[part, term] * each.transitions
        yield Rate(part, term, each.event, moved * mean_fj, transitions=moved)
    threshold = lay.threshold_word_bits * _register_bit_fj(accelerator, technology)
    bits = lay.threshold_word_bits * known.random_bit.value * _register_nets(accelerator)
    yield Rate("post", "threshold register", "threshold_buffer_reads", threshold, transitions=bits)
    clocked = technology.clock_pin_energy_fj_per_cycle(built.always_clocked)
    yield Rate("clock", "clock", "cycles", clocked)


def _memories(built: Area) -> Iterator[Rate]:
    for macro, memory in built.memories:
        clocked = macro.count * memory.clock_energy_fj_per_cycle
        yield Rate(macro.part, "clock", "cycles", clocked)
        if f"{macro.part}_reads" in METRICS:
            yield Rate(macro.part, "reads", f"{macro.part}_reads", memory.read_energy_fj)
            yield Rate(macro.part, "writes", f"{macro.part}_writes", memory.write_energy_fj)


def _store_link(
    accelerator: Accelerator, technology: Technology, built: Area, lay: Layout
) -> Iterator[Rate]:
    """One link word per access of the store: its wires; and the host link's.

    The wires are as long as the side of a square that holds the whole design.
    """
    side_um = built.area_um2**0.5
    wires = lay.link_bits * assumptions().random_bit.value * technology.wire_energy_fj(side_um)
    for event in STORE_ACCESSES:
        what = event.removeprefix("store_").replace("_", " ")
        yield Rate("link", what, event, wires)
    host_fj = lay.host_bits * accelerator.host.energy_pj_per_bit * _FJ_PER_PJ
    yield Rate("io", "words in", "host_words_in", host_fj)
    yield Rate("io", "words out", "host_words_out", host_fj)


def _outside(accelerator: Accelerator, lay: Layout, period_ps: float) -> Iterator[Rate]:
    """A memory outside: its link words, the wires they cross if charged apart, its idle power."""
    asked = accelerator.store.external
    if asked is None:
        return
    memory = outside(asked, "store.external")
    for event in STORE_ACCESSES:
        if asked.holds == "weights" and "activation" in event:
            continue
        what = event.removeprefix("store_").replace("_", " ")
        yield _external(memory, what, event, memory.device_fj(lay.link_bits))
        if wires_fj := memory.interface_fj(lay.link_bits):
            yield _external(memory, f"{what} interface", event, wires_fj)
    if idle_fj := memory.background_mw.value * period_ps:  # mW ps = fJ
        yield _external(memory, "background", "cycles", idle_fj)


def _external(memory: Outside, term: str, event: str, energy_fj: float) -> Rate:
    if term == "background":
        error = memory.background_mw.relative_error
    elif term.endswith("interface"):
        error = memory.interface_pj_per_bit.relative_error
    else:
        error = memory.energy_pj_per_bit.relative_error
    return Rate(
        "external", term, event, energy_fj, level=memory.level, relative_error=error, origin=ORIGIN
    )


def _leakage(technology: Technology, built: Area, period_ps: float) -> Iterator[Rate]:
    logic_nw = sum(component.leakage_nw for component in built.components.values())
    memory_nw = sum(macro.count * memory.leakage_nw for macro, memory in built.memories)
    yield Rate("leakage", "logic", "cycles", logic_nw * period_ps * _FJ_PER_NW_PS)
    yield Rate("leakage", "memory", "cycles", memory_nw * period_ps * _FJ_PER_NW_PS)


def terms_fj(table: Iterable[Rate], counts: Mapping[str, float]) -> dict[tuple[str, str], float]:
    """Energy by (part, term) [fJ]: count times rate."""
    terms: dict[tuple[str, str], float] = {}
    for rate in table:
        key = (rate.part, rate.term)
        terms[key] = terms.get(key, 0.0) + counts[rate.event] * rate.energy_fj
    return terms


def parts_fj(terms: Mapping[tuple[str, str], float]) -> dict[str, float]:
    """Energy by part [fJ], every part of `result.PARTS`."""
    parts = dict.fromkeys(PARTS, 0.0)
    for (part, _), energy in terms.items():
        parts[part] += energy
    return parts


def energy_metrics(parts: Mapping[str, float]) -> dict[str, float]:
    """Return the energy columns of a result from the energy by part [fJ]."""

    def of(*kinds: str) -> float:
        return sum(fj for name, fj in parts.items() if PARTS[name].kind in kinds)

    onchip = of("logic", "memory", "link", "leakage")
    return {
        "energy_fj": onchip + of("external"),
        "onchip_energy_fj": onchip,
        "logic_energy_fj": of("logic"),
        "memory_energy_fj": of("memory"),
        **{f"{name}_energy_fj": fj for name, fj in parts.items()},
    }


__all__ = [
    "STORE_ACCESSES", "WIRES", "Rate", "active_counts", "energy_counts",
    "energy_metrics", "parts_fj", "rates", "terms_fj",
]  # fmt: skip
