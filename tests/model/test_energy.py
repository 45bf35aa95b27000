"""Energy: a table of rates, its sums, and the search's prices folded from it."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from asicbnn.bnn.layer import DIMENSIONS, Layer
from asicbnn.hardware.configuration import configuration_words
from asicbnn.mapping.dataflow import named_mapping, whole_tiles
from asicbnn.mapping.layout import layout
from asicbnn.mapping.loop_nest import Mapping
from asicbnn.model import energy
from asicbnn.model.costs import costs
from asicbnn.model.cycles import count_layer
from asicbnn.model.data_events import data_events
from asicbnn.model.prices import PRICED, prices
from asicbnn.result import METRICS, PARTS
from asicbnn.spec.accelerator import Accelerator, with_changes
from asicbnn.spec.reader import read
from asicbnn.technology.factor_entries import CalibrationEntry, CalibrationFactor
from asicbnn.technology.library import load
from asicbnn.technology.popcount import popcount_energy

SPECS = Path(__file__).parents[2] / "arch_specs"
TINY = with_changes(read(SPECS / "tiny.yaml", Accelerator), {"buffers.psum.words": 256})
SKY, ASAP7 = load("sky130hd"), load("asap7")
JOINT = replace(SKY, digest="joint", calibration={
    **SKY.calibration,
    **{f"popcount_{popcount}": CalibrationEntry(energy=CalibrationFactor(
        factor=1.0, spread=0.1, points=9, source="test", terms={"popcount joint": 0.4},
    )) for popcount in ("sliced", "tree")},
})  # fmt: skip
LAYER = Layer(
    name="conv", out_channels=10, in_channels=13, in_y=7, in_x=6, kernel_y=3, kernel_x=3,
    stride=1, pad_top=1, pad_bottom=1, pad_left=1, pad_right=1, pad_value="zero",
)  # fmt: skip
VARIANTS = {
    "blocking": {},
    "shadow": {"registers.shadow": True},
    "external": {
        "store.kind": "external",
        "store.external": {"standard": "lpddr4", "background": "none"},
    },
    "unrolled": {"array.unroll": {"out_x": 2, "kernel_x": 3}, "buffers.weight.port_bits": 32},
    "gated": {"clock_gating": "register"},
    "gated shadow": {"clock_gating": "register", "registers.shadow": True},
    "latches, ports": {"buffers.psum": {"kind": "latch", "port_bits": 20, "ports": "1rw"}},
}


def counts_of(accelerator, layer, dataflow="output_stationary", **tiles):
    lay, n_cfg = layout(accelerator), configuration_words(accelerator)
    mapping = named_mapping(accelerator, dataflow, {**whole_tiles(lay, layer), **tiles})
    counted = count_layer(accelerator, layer, mapping, n_cfg)
    return energy.energy_counts(accelerator, layer, counted, n_cfg)


def full_energy(accelerator, technology, layer, counts):
    table = costs(accelerator, technology).rates_of[layer.stride]
    return energy.energy_metrics(energy.parts_fj(energy.terms_fj(table, counts)))["energy_fj"]


@pytest.mark.parametrize("name", ["blocking", "unrolled"])
def test_active_counts_are_those_of_walking_every_step(name):
    accelerator = with_changes(TINY, VARIANTS[name])
    lay = layout(accelerator)
    layer = Layer(name="small", batch=2, out_channels=5, in_channels=9, in_y=3, in_x=4,
                  kernel_y=2, kernel_x=2, activation_bits=2)  # fmt: skip
    lanes = pes = 0
    trips = {d: -(-layer.size(d) // lay.unroll[d]) for d in DIMENSIONS}
    for index in product(*(range(n) for n in trips.values())):
        inside = dict(zip(DIMENSIONS, index, strict=True))
        left = {d: min(lay.unroll[d], layer.size(d) - i * lay.unroll[d])
                for d, i in inside.items()}  # fmt: skip
        active = left["B"] * left["K"] * left["OY"] * left["OX"]
        pes += active
        lanes += active * left["C"] * left["FY"] * left["FX"]
    found = energy.active_counts(layer, lay)
    assert found == {"active_lane_steps": lanes, "active_pe_steps": pes}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_rate_is_charged_to_a_part_by_something_that_is_counted(variant):
    accelerator = with_changes(TINY, VARIANTS[variant])
    counts = counts_of(accelerator, LAYER)
    table = costs(accelerator, SKY).rates_of[1]
    assert {r.part for r in table} <= PARTS.keys()
    assert {r.event for r in table} <= counts.keys()
    assert all(r.energy_fj >= 0 for r in table)
    assert len({(r.part, r.term, r.event) for r in table}) == len(table)


@pytest.mark.parametrize("variant", VARIANTS)
def test_totals_are_the_sum_of_the_parts(variant):
    accelerator = with_changes(TINY, VARIANTS[variant])
    counts = counts_of(accelerator, LAYER)
    terms = energy.terms_fj(costs(accelerator, SKY).rates_of[1], counts)
    parts = energy.parts_fj(terms)
    metrics = energy.energy_metrics(parts)
    assert parts.keys() == PARTS.keys()
    assert sum(parts.values()) == pytest.approx(sum(terms.values()), rel=1e-12)
    assert metrics["energy_fj"] == pytest.approx(sum(parts.values()), rel=1e-12)
    outside = metrics["external_energy_fj"] + metrics["io_energy_fj"]
    assert metrics["energy_fj"] == metrics["onchip_energy_fj"] + outside
    for kind in ("logic", "memory"):
        of_kind = sum(metrics[f"{n}_energy_fj"] for n, p in PARTS.items() if p.kind == kind)
        assert metrics[f"{kind}_energy_fj"] == of_kind
    assert metrics.keys() <= METRICS.keys()


def test_terms_written_out_by_hand():
    counts = counts_of(TINY, LAYER)
    built = costs(TINY, SKY).area
    terms = energy.terms_fj(costs(TINY, SKY).rates_of[1], counts)
    popcount = popcount_energy(SKY, "tree", 8)
    # neighbouring pixels differ in 0.54 as many bits as random ones; 10 of 12 channels exist,
    # and the PEs of the others see the inputs alone; both words of channels fill some lane
    steps, weights, inputs = (
        counts[name] for name in ("steps", "weight_buffer_reads", "input_buffer_reads")
    )
    toggled = 10 / 12 * (weights + 0.54 * (steps - weights)) + 2 / 12 * 0.54 * inputs
    assert terms["array", "xnor"] == pytest.approx(toggled * 32 * popcount.xnor_fj, rel=1e-12)
    # counters see the lanes inside the layer alone, and change with one of three bits
    changed = (weights + (1 - 0.46**3) * (steps - weights)) / steps
    counted = LAYER.binary_macs * changed * popcount.counters_fj
    assert terms["array", "popcount"] == pytest.approx(counted, rel=1e-12)
    for macro, memory in built.memories:
        if macro.part == "post":
            continue
        reads, writes = (counts[f"{macro.part}_{what}"] for what in ("reads", "writes"))
        assert terms[macro.part, "reads"] == reads * memory.read_energy_fj
        assert terms[macro.part, "writes"] == writes * memory.write_energy_fj
        clocked = counts["cycles"] * macro.count * memory.clock_energy_fj_per_cycle
        assert terms[macro.part, "clock"] == pytest.approx(clocked)
    side = built.area_um2**0.5
    for what in energy.STORE_ACCESSES:  # 8 wires, half of them toggle
        wires = counts[what] * 4 * SKY.wire_energy_fj(side)
        assert terms["link", what.removeprefix("store_").replace("_", " ")] == pytest.approx(wires)
    clocked = SKY.clock_pin_energy_fj_per_cycle(built.logic_cells)
    assert terms["clock", "clock"] == counts["cycles"] * clocked
    period = costs(TINY, SKY).timing.period_ps
    nw = SKY.leakage_nw(built.logic_cells)
    leaked = nw * 1e-9 * counts["cycles"] * period * 1e-12 * 1e15
    assert terms["leakage", "logic"] == pytest.approx(leaked, rel=1e-12)
    nw_memory = sum(m.count * p.leakage_nw for m, p in built.memories)
    assert terms["leakage", "memory"] == pytest.approx(leaked * nw_memory / nw, rel=1e-12)


def test_a_shadow_register_is_loaded_twice_by_hand():
    """A bit enters through a multiplexer; flop, multiplexer and their pins toggle half the time."""
    bit_fj = 0.5 * (19.7429 + 10.7069 + 0.5 * (1.736 + 2.2813) * 1.8**2)
    assert bit_fj == pytest.approx(18.4789, abs=1e-4)
    lay = layout(TINY)
    bits = {"weight": lay.weight_port_bits, "input": lay.input_port_bits,
            "psum": lay.psum_word_bits / lay.psum_slots}  # fmt: skip
    once, twice = (
        {r.term: r.energy_fj for r in energy.rates(a, SKY, costs(a, SKY).area, 1e3)}
        for a in (TINY, with_changes(TINY, {"registers.shadow": True}))
    )
    for operand, count in bits.items():
        term = f"{operand} register"
        assert twice[term] - once[term] == pytest.approx(count * bit_fj, rel=1e-9)
    and_fj = 0.5 * 0.5 * 1.479 * 1.8**2  # a loaded sum also moves the mask of its accumulator
    assert once["psum register"] == pytest.approx(bits["psum"] * (bit_fj + and_fj), rel=1e-9)


def test_masks_and_popcount_registers_by_hand():
    """A mask is an AND whose pin and output toggle half the time; counts of 8 lanes take 4 bits.

    One register inside an adder tree holds what its first four half adders make of eight lanes.
    """
    for stages, bits in ((0, 4), (1, 4 + 4 * 2)):
        machine = with_changes(
            TINY,
            {"array.unroll": {"in_channels": 8}, "array.popcount.pipeline_stages": stages},
        )
        built = costs(machine, SKY).area
        found = {r.term: r.energy_fj for r in energy.rates(machine, SKY, built, 1e3)}
        assert found["mask"] == pytest.approx(0.5 * (9.9946 + 0.5 * 1.479 * 1.8**2))
        assert found["popcount register"] == pytest.approx(bits * 0.5 * 34.6599)


def test_the_data_mover_is_charged_by_bits_it_moves_and_addresses_it_counts():
    # an 8-bit word in two trips of 4 bit: two writes per word, of 4 bits each
    narrow = with_changes(TINY, {
        "store.link.bits": 4, "host.link_bits": 4, "buffers.input.port_bits": 4,
        "store.extrapolate": True,
    })  # fmt: skip
    # four words of 8 bit in a link word: four writes, of 8 bits each
    wide = with_changes(TINY, {"store.link.bits": 32, "host.link_bits": 32})
    for accelerator, link, written in ((narrow, 4, 4), (TINY, 8, 8), (wide, 32, 8)):
        cost = costs(accelerator, SKY)
        rates = {(r.part, r.term): r for r in cost.rates_of[1]}
        moved = rates["dma", "weight words"].transitions
        assert moved == pytest.approx(0.67 * link)
        assert rates["dma", "input words"].transitions == pytest.approx(2.3 * written)
        assert rates["dma", "host words in"].transitions == pytest.approx(4.4 * link)
        cells = cost.area.cells["dma"]
        each = SKY.switching_energy_fj(cells, 1.0) / cells.outputs
        assert rates["dma", "weight words"].energy_fj == pytest.approx(moved * each)


def test_control_that_waits_costs_nothing_but_its_clock_and_leakage():
    counts = counts_of(TINY, LAYER)
    table = costs(TINY, SKY).rates_of[1]
    before = energy.parts_fj(energy.terms_fj(table, counts))
    waiting = {**counts, "cycles": counts["cycles"] + 1000, "dma_stall_cycles": 1000}
    after = energy.parts_fj(energy.terms_fj(table, waiting))
    for part in ("control", "dma", "array"):
        assert after[part] == before[part]
    assert after["clock"] > before["clock"]


def test_an_external_store_is_paid_by_the_bit_and_has_no_area():
    accelerator = with_changes(TINY, VARIANTS["external"])
    counts = counts_of(accelerator, LAYER)
    parts = energy.parts_fj(energy.terms_fj(costs(accelerator, SKY).rates_of[1], counts))
    words = sum(counts[event] for event in energy.STORE_ACCESSES)
    assert parts["external"] == pytest.approx(words * 8 * 8000.0)  # 8 bit, LPDDR4 8 pJ/bit
    assert parts["store_weight"] == parts["store_activation"] == 0.0
    assert costs(accelerator, SKY).area.parts["store_weight"] == 0.0


def test_the_host_link_is_paid_by_the_bit():
    machine = with_changes(TINY, {"store.link.bits": 16})
    counts = {**counts_of(machine, LAYER), "host_words_in": 100, "host_words_out": 3}
    parts = energy.parts_fj(energy.terms_fj(costs(machine, SKY).rates_of[1], counts))
    assert parts["io"] == pytest.approx(103 * 8 * 2000.0)  # 8 bit, 2 pJ/bit


def test_more_of_anything_never_costs_less():
    counts = counts_of(TINY, LAYER)
    before = full_energy(TINY, SKY, LAYER, counts)
    for event in {rate.event for rate in costs(TINY, SKY).rates_of[1]}:
        more = {**counts, event: counts[event] + 1000}
        assert full_energy(TINY, SKY, LAYER, more) > before, event


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("technology", [SKY, ASAP7], ids=lambda t: t.name)
def test_the_search_pays_what_the_estimate_reports(variant, technology):
    accelerator = with_changes(TINY, VARIANTS[variant])
    paid = prices(accelerator, technology, LAYER)
    energies, rest = [], []
    for dataflow, tiles in product(
        ("output_stationary", "weight_stationary", "no_local_reuse"),
        ({}, {"K": 4, "OY": 2}, {"C": 8, "OX": 2}),
    ):
        counts = counts_of(accelerator, LAYER, dataflow, **tiles)
        energies.append(full_energy(accelerator, technology, LAYER, counts))
        rest.append(energies[-1] - paid.energy_fj(counts))
    assert max(energies) > 1.05 * min(energies)
    assert max(rest) - min(rest) <= 1e-9 * max(energies)
    assert min(rest) > 0  # lanes, accumulators, outputs: what no mapping changes


def replace_terms(entry):
    """Return a calibration without terms of its own for what only gates spend."""
    if entry.energy is None:
        return entry
    return entry.model_copy(update={"energy": entry.energy.model_copy(update={"terms": {}})})


@pytest.mark.parametrize("variant", ["blocking", "unrolled", "shadow"])
def test_at_level_gate_the_search_pays_for_operands_that_change_together(variant):
    accelerator = with_changes(TINY, VARIANTS[variant])
    none = replace(JOINT, digest="none joint", calibration={
        name: replace_terms(entry) for name, entry in JOINT.calibration.items()
    })  # fmt: skip
    paid, cheap = (prices(accelerator, each, LAYER, "gate") for each in (JOINT, none))
    assert paid.weight_buffer_reads > cheap.weight_buffer_reads
    energies, rest = [], []
    for dataflow in ("output_stationary", "weight_stationary", "no_local_reuse"):
        counts = counts_of(accelerator, LAYER, dataflow)
        table = costs(accelerator, JOINT, "gate").rates_of[1]
        energies.append(sum(energy.terms_fj(table, counts).values()))
        rest.append(energies[-1] - paid.energy_fj(counts))
    assert max(energies) > 1.01 * min(energies)
    assert max(rest) - min(rest) <= 1e-9 * max(energies)


def test_operands_change_together_as_often_as_loads_outnumber_steps():
    lay = layout(TINY)
    counts = counts_of(TINY, LAYER, "no_local_reuse")
    assert counts["joint_lane_steps"] == pytest.approx(counts["active_lane_steps"], rel=1e-12)
    held = counts_of(TINY, LAYER, "weight_stationary")
    loads = held["weight_buffer_reads"] / lay.weight_slots
    loads += held["input_buffer_reads"] / lay.input_slots(1)
    share = loads / held["steps"] - 1
    assert 0 < share < 1
    assert held["joint_lane_steps"] == pytest.approx(share * held["active_lane_steps"], rel=1e-12)


def test_whatever_a_mapping_changes_has_a_price():
    mapped: dict[str, set[int]] = {}
    for dataflow, tiles in product(("output_stationary", "weight_stationary"), ({}, {"K": 4})):
        for event, count in counts_of(TINY, LAYER, dataflow, **tiles).items():
            mapped.setdefault(event, set()).add(count)
    charged = {rate.event for rate in costs(TINY, SKY).rates_of[1]}
    changing = {event for event, seen in mapped.items() if len(seen) > 1}
    assert charged & changing <= PRICED | data_events(TINY, LAYER).keys()


def test_a_wider_window_shares_the_pins_among_more_reads():
    accelerator = with_changes(TINY, {"array.unroll.out_x": 2})
    one, two = (
        {rate.term: rate.energy_fj for rate in costs(accelerator, SKY).rates_of[stride]}
        for stride in (1, 2)
    )
    lay = layout(accelerator)
    assert (lay.input_slots(1), lay.input_slots(2)) == (2, 3)
    assert one["input register"] > two["input register"]
    assert one["weight register"] == two["weight register"]


def test_an_explicit_order_costs_what_its_counts_say():
    lay = layout(TINY)
    whole = whole_tiles(lay, LAYER)
    inner = ("B", "OX", "OY", "FX", "FY", "C", "K", "BA", "BW")
    nest = Mapping(tuple(whole.items()), inner)
    counts = energy.energy_counts(TINY, LAYER, count_layer(TINY, LAYER, nest, 9), 9)
    assert full_energy(TINY, SKY, LAYER, counts) > 0
