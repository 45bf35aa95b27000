"""Clock gating in the model: edges by hand, what they cost, and what is saved for them."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from asicbnn.bnn.layer import Layer
from asicbnn.compare import compare
from asicbnn.hardware.accelerator import elaborate
from asicbnn.hardware.configuration import configuration, configuration_words
from asicbnn.hardware.gating import CLOCKS
from asicbnn.mapping.dataflow import named_mapping, whole_tiles
from asicbnn.mapping.layout import layout
from asicbnn.model import energy
from asicbnn.model.area import structural
from asicbnn.model.assumptions import assumptions
from asicbnn.model.clock_tree import is_of_tree, unplaced_tree
from asicbnn.model.costs import costs
from asicbnn.model.cycles import count_layer
from asicbnn.model.estimate import estimate
from asicbnn.model.gating import gated_registers
from asicbnn.spec.accelerator import Accelerator, with_changes
from asicbnn.spec.reader import read
from asicbnn.technology.cells import Cells
from asicbnn.technology.library import load

ROOT = Path(__file__).parents[2]
TINY = with_changes(read(ROOT / "arch_specs/tiny.yaml", Accelerator), {"buffers.psum.words": 256})
GATED = with_changes(TINY, {"clock_gating": "register"})
SHADOW = with_changes(GATED, {"registers.shadow": True})
SKY = load("sky130hd")
DENSE = Layer(name="dense", out_channels=10, in_channels=20)
"""3 words of 4 outputs, 3 words of 8 inputs: 9 steps."""


def counted(accelerator, layer=DENSE, n_cfg=None):
    n_cfg = n_cfg or configuration_words(accelerator)
    mapping = named_mapping(
        accelerator, "output_stationary", whole_tiles(layout(accelerator), layer)
    )
    return count_layer(accelerator, layer, mapping, n_cfg)


def test_edges_of_a_dense_layer_by_hand():
    w, lay = configuration(GATED).widths, layout(GATED)
    counts = counted(GATED, n_cfg=7)
    assert lay.psum_bits == 13
    walked = w.store + w.pool + 2 * w.phase
    # per loop of K C OY OX FY FX BA: counter, addresses of weights, inputs and sums, ..., shift
    stepped = 7 * (w.trips + w.weight + w.input + w.psum + 2 * w.coordinate + w.threshold
                   + w.shift + walked)  # fmt: skip
    tiled = 4 * (w.trips + w.weight_bank + w.activation_bank + 2 * w.coordinate + w.psum
                 + w.threshold + w.store)  # fmt: skip
    expected = {
        "weight_register_clocks": 9 * 32,
        "input_register_clocks": 9 * 8,
        "psum_register_clocks": 0,
        "psum_write_register_clocks": 0,
        "accumulator_clocks": 9 * (4 * 13 + 13 + w.psum),
        # thresholds and flips of 4 channels, last-trip flag of K, five quantities
        "finished_register_clocks": 3 * (4 * 15 + 1 + walked + w.threshold),
        "step_sequencer_clocks": (9 + 1) * stepped,
        # once for the tile, and with each of the 3 x 8 link words of thresholds
        "tile_sequencer_clocks": (1 + 3 * 8) * tiled,
        # 4 outer loops, first and last of C, the end, two reloads, edges of K and C
        "tile_register_clocks": 4 + 2 + 1 + 2 + 2,
        "configuration_register_clocks": 7 * 7 * 8,
        "output_address_clocks": 3 * 4 * walked,
        "host_register_clocks": 0,
    }
    assert {name: counts[name] for name in CLOCKS} == expected
    assert counts["gated_clocks"] == sum(expected.values())
    assert counted(TINY, n_cfg=7)["gated_clocks"] == 0


def test_an_argmax_walks_no_store_address():
    classes = replace(DENSE, output="argmax")
    assert counted(GATED, classes)["output_address_clocks"] == 0
    assert counted(GATED)["output_address_clocks"] > 0


def test_a_shadow_register_takes_an_edge_for_the_load_and_one_for_the_transfer():
    once, twice = counted(GATED), counted(SHADOW)
    assert twice["weight_register_clocks"] == 2 * once["weight_register_clocks"]
    # the box is as wide as one pixel whatever the stride
    assert twice["input_register_clocks"] == 2 * once["input_register_clocks"]
    # nothing is read, three sums pass
    assert twice["psum_register_clocks"] == 3 * layout(SHADOW).psum_word_bits
    wide = with_changes(SHADOW, {"array.unroll": {"out_x": 2}})
    [pixels] = [each for each in gated_registers(wide, 1, 9) if each.family == "input_register"]
    # two pixels are loaded at stride 1, and the window of stride 2 is three wide
    assert (pixels.event, pixels.flops) == ("input_buffer_reads", 8 + Fraction(3 * 8, 2))


@pytest.mark.parametrize(
    "changes",
    [{}, {"registers.shadow": True}, {"buffers.psum.port_bits": 40}],
    ids=["blocking", "shadow", "narrow"],
)
def test_as_many_clock_gates_open_as_are_built(changes):
    """Over one load of each piece, one transfer and one event of each other family."""
    accelerator = with_changes(GATED, changes)
    lay = layout(accelerator)
    n_cfg = configuration_words(accelerator)
    built: dict[str, list[int]] = {}
    for group in elaborate(accelerator, probe=False, check=False).gated:
        built.setdefault(group.name.rstrip("0123456789"), []).append(group.clock_gates)
    pieces = {
        "weight_buffer_reads": lay.weight_slots, "psum_buffer_reads": lay.psum_slots,
        "psum_buffer_writes": lay.psum_slots,
    }  # fmt: skip
    opened: dict[str, Fraction] = {}
    again = {  # the same groups opened by a second event
        ("psum_register", "threshold_buffer_reads"), ("step_sequencer", "swap_cycles"),
        ("tile_sequencer", "threshold_buffer_writes"),
    }  # fmt: skip
    for each in gated_registers(accelerator, 1, n_cfg):
        if (each.family, each.event) in again:
            continue
        gates = each.gates * pieces.get(each.event, 1)
        opened[each.family] = opened.get(each.family, Fraction()) + gates
    assert opened == {family: sum(gates) for family, gates in built.items()}


def test_clock_energy_is_that_of_the_edges_flops_see():
    """Twice: from the rates, and from the cells and the edges that hardware counts too."""
    counts = energy.energy_counts(GATED, DENSE, counted(GATED), configuration_words(GATED))
    cost = costs(GATED, SKY)
    terms = energy.terms_fj(cost.rates_of[1], counts)
    table = [rate for rate in cost.rates_of[1] if not is_of_tree(rate)]
    clock = energy.parts_fj(energy.terms_fj(table, counts))["clock"]
    area = cost.area
    flop_fj = SKY.clock_pin_energy_fj_per_cycle(Cells(flop=1))
    gate_fj = SKY.clock_pin_energy_fj_per_cycle(Cells(clock_gate=1))
    always = area.logic_cells.flop - area.gated_flops
    pins = counts["cycles"] * (always * flop_fj + area.logic_cells.clock_gate * gate_fj)
    assert terms["clock", "clock"] == pytest.approx(pins, rel=1e-12)
    opened = sum(
        float(each.gates) * counts[each.event]
        for each in gated_registers(GATED, 1, configuration_words(GATED))
    )
    outputs = opened * 2 * SKY.cell("clock_gate").internal_energy_fj
    edges = counts["gated_clocks"] * flop_fj
    assert clock == pytest.approx(pins + edges + outputs, rel=1e-12)
    leaves = sum(fj for (_, term), fj in terms.items() if term.endswith(" leaves"))
    tree = unplaced_tree(GATED, SKY, area)
    leaf_fj = SKY.clock_wire_ff_per_mm * tree.leaf_um * 1e-3 * SKY.voltage_v**2
    assert leaves == pytest.approx(counts["gated_clocks"] * leaf_fj, rel=1e-12)


def test_without_gating_every_flop_is_always_clocked():
    built = costs(TINY, SKY).area
    assert built.gated_flops == 0
    assert built.always_clocked == Cells(flop=built.logic_cells.flop)
    assert gated_registers(TINY, 1, 9) == ()
    terms = {rate.term for rate in costs(TINY, SKY).rates_of[1] if rate.part == "clock"}
    assert terms == {"clock", "tree", "tree wires"}


def test_clock_gates_take_the_place_of_multiplexers_in_area_and_energy():
    plain, gated = costs(TINY, SKY).area, costs(GATED, SKY).area
    saved = plain.logic_cells.mux2 - gated.logic_cells.mux2
    assert 0 < saved < gated.gated_flops  # accumulators hold without one
    assert gated.logic_cells.flop == plain.logic_cells.flop
    assert gated.logic_area_um2 < plain.logic_area_um2
    assert gated.memory_area_um2 == plain.memory_area_um2
    # the tree reaches the gates, and what is behind them no longer
    assert gated.parts["clock"] < plain.parts["clock"]
    before, after = (
        {(r.part, r.term): r.energy_fj for r in costs(a, SKY).rates_of[1]} for a in (TINY, GATED)
    )
    mux_fj = 0.5 * (10.7069 + 0.5 * 2.2813 * 1.8**2)
    loaded = ("array", "weight register")
    assert before[loaded] - after[loaded] == pytest.approx(32 * mux_fj)
    # a clock gate's output goes by its enable and not by the activity of its component
    steps = assumptions().sequencer_activity.value
    others = replace(gated.cells["sequencer"], clock_gate=0)
    assert gated.cells["sequencer"].clock_gate > 0
    assert after["control", "sequencer"] == pytest.approx(
        SKY.switching_energy_fj(others, steps)
    )


def test_gating_changes_no_path():
    assert costs(GATED, SKY).timing == costs(TINY, SKY).timing


def test_an_accelerator_is_built_with_the_gating_it_asks_for():
    assert structural(GATED).clock_gating == "register"
    assert structural(GATED) != structural(TINY)


def test_gating_pays_where_registers_rest():
    workload = ROOT / "workloads/digits_mlp_64_256_256_10.yaml"
    plain, gated = (estimate(a, workload) for a in (TINY, GATED))
    assert gated.totals["clock_energy_fj"] < 0.8 * plain.totals["clock_energy_fj"]
    assert gated.totals["cycles"] == plain.totals["cycles"]
    assert gated.totals["gated_clocks"] > plain.totals["gated_clocks"] == 0
    named = {name for name in gated.breakdowns["energy_terms_fj"] if name.startswith("clock ")}
    assert {"clock weight register", "clock configuration register"} <= named


def test_the_search_pays_for_changes_of_tile():
    """`best` of every dataflow is what its estimate says, gated or not."""
    workload = ROOT / "workloads/digits_mlp_64_256_256_10.yaml"
    found = compare(GATED, workload).results
    energies = {name: result.totals["energy_fj"] for name, result in found.items()}
    assert energies["best"] == pytest.approx(min(energies.values()), rel=1e-9)
