"""What an accelerator is made of in closed form, against the census of the block that is built."""

from __future__ import annotations

from pathlib import Path

import pyrtl
import pytest
from hardware.circuit import Circuit
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from asicbnn import load
from asicbnn.hardware import wires
from asicbnn.hardware.component import Gates, summed
from asicbnn.hardware.fetch import ring_add, ring_add_gates, ring_subtract, ring_subtract_gates
from asicbnn.hardware.gating import Sinks, gated_gates
from asicbnn.hardware.step_adder import phase_add, phase_add_gates
from asicbnn.hardware.structure import COMPONENTS, counted, structure
from asicbnn.spec.accelerator import Accelerator, with_changes
from asicbnn.verify.cases import RARE
from asicbnn.verify.cases import accelerator as random_accelerator
from asicbnn.verify.features import accelerator_features

SEED = 5
ROOT = Path(__file__).parents[2]
SPECS = sorted(
    path
    for path in (ROOT / "arch_specs").rglob("*.yaml")
    if "networks" not in path.parts and not path.stem.endswith("sweep")
)

GROUPS = range(len(RARE))
"""Of a seed of random cases; as many make every rare choice once."""

WIDTHS = {
    "limits.out_channels": st.integers(32, 5000),
    "limits.in_channels": st.integers(64, 5000),
    "limits.map": st.integers(3, 300),
    "limits.kernel": st.integers(3, 13),
    "limits.batch": st.integers(2, 200),
    "limits.pool": st.integers(1, 9),
    "limits.psum_bits": st.integers(8, 24),
    "limits.weight_bits": st.integers(1, 4),
    "limits.activation_bits": st.integers(1, 8),
    "buffers.psum.words": st.integers(1, 3000),
    "buffers.threshold.words": st.integers(1, 3000),
    "buffers.pool.words": st.integers(1, 3000),
    "store.kib.weights": st.integers(8, 4000),
    "store.kib.activations": st.integers(8, 4000),
    "store.link.latency_cycles": st.integers(1, 300),
    "host.latency_cycles": st.integers(1, 300),
    "array.popcount.pipeline_stages": st.integers(0, 4),
}
"""What alone widens registers, beyond what the random cases, made to be run, need."""


@st.composite
def accelerators(draw):
    """Random features, and some of the widths they have drawn anew."""
    base = random_accelerator(draw(st.integers(0, 2**16)), draw(st.sampled_from(GROUPS)))
    changed = draw(st.sets(st.sampled_from(sorted(WIDTHS)), max_size=8))
    changes = {name: draw(WIDTHS[name]) for name in sorted(changed)}
    return with_changes(base, changes)


SMALL = Accelerator.model_validate({
    "name": "small",
    "array": {"unroll": {"out_channels": 2, "in_channels": 4}},
    "buffers": {"weight": {"port_bits": 4}, "psum": {"port_bits": 7}},
    "store": {"link": {"bits": 4}},
    "host": {"link_bits": 2},
    "limits": {"batch": 4, "activation_bits": 1, "psum_bits": 9},
})  # fmt: skip
BOUNDARIES = {
    "a psum word in two pieces": {"buffers.psum.port_bits": 14},
    "three images at once": {"array.unroll.batch": 3},
    "the fewest images": {"limits.batch": 1},
    "no psum words": {"buffers.psum.words": 0},
    "one threshold word": {"buffers.threshold.words": 1},
    "a threshold word more than an address holds": {"buffers.threshold.words": 17},
    "store banks a word more than an address holds": {
        "store.kib.weights": 1025 / 2048,
        "store.kib.activations": 1025 / 1024,
    },
    "sums of one bit": {"limits.psum_bits": 1},
    "sums of two bits": {"limits.psum_bits": 2},
    "the longest wait is the link's": {"store.link.latency_cycles": 200},
    "the longest wait is the host's": {"host.latency_cycles": 200},
    "the longest wait is the pipeline's": {
        "array.popcount.pipeline_stages": 4,
        "store.link.latency_cycles": 1,
        "host.latency_cycles": 1,
    },
}
"""Where a width or a piece more or less begins."""


def assert_counted(accelerator: Accelerator) -> None:
    closed, built = structure(accelerator), counted(accelerator)
    assert tuple(closed.gates) == COMPONENTS
    for component in COMPONENTS:
        assert dict(closed.gates[component]) == dict(built.gates[component]), component
    assert closed.gated_flops == built.gated_flops
    assert dict(closed.holding) == dict(built.holding)


def choices(accelerator: Accelerator) -> set[str]:
    """What an accelerator has, beyond the plainest."""
    checks = {
        "circular rows": accelerator.buffers.input.circular_rows,
        "several strides": len(accelerator.array.strides) > 1,
        "several planes": accelerator.limits.weight_bits + accelerator.limits.activation_bits > 2,
    }
    return accelerator_features(accelerator) | {name for name, holds in checks.items() if holds}


# ---------------------------------------------------------------------- whole accelerators
@pytest.mark.parametrize("group", GROUPS)
def test_components_with_every_choice_are_made_of_what_is_built(group):
    assert_counted(random_accelerator(SEED, group))


def test_the_accelerators_above_make_every_choice():
    made = [choices(random_accelerator(SEED, group)) for group in GROUPS]
    every = set[str]().union(*(choices(random_accelerator(SEED + 1, g)) for g in range(60)))
    assert set[str]().union(*made) == every
    assert len(every) == 36
    for choice in ("circular rows", "several strides", "several planes", "gated clocks"):
        assert not all(choice in some for some in made)


@pytest.mark.parametrize("name", BOUNDARIES)
def test_components_at_a_boundary_are_made_of_what_is_built(name):
    accelerator = with_changes(SMALL, BOUNDARIES[name])
    for clock_gating in ("none", "register"):
        assert_counted(with_changes(accelerator, {"clock_gating": clock_gating}))


@settings(max_examples=10, phases=[Phase.generate])
@given(accelerators(), st.booleans())
def test_components_are_made_of_what_is_built(accelerator, gated):
    assert_counted(with_changes(accelerator, {"clock_gating": "register" if gated else "none"}))


@pytest.mark.slow
@pytest.mark.timeout(900)
@settings(max_examples=200, phases=[Phase.generate])
@given(accelerators())
def test_components_of_many_accelerators_are_made_of_what_is_built(accelerator):
    for clock_gating in ("none", "register"):
        assert_counted(with_changes(accelerator, {"clock_gating": clock_gating}))


@pytest.mark.slow
@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_components_of_the_accelerators_shipped_are_made_of_what_is_built(path):
    assert_counted(load(path))


def test_nothing_is_built_to_count_it(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a closed form built something")

    monkeypatch.setattr(pyrtl.Block, "add_net", refuse)
    monkeypatch.setattr(pyrtl.Block, "add_wirevector", refuse)
    structure.cache_clear()
    for group in range(6):
        assert structure(random_accelerator(3, group)).gates["array"]["flop"] > 0
    with pytest.raises(AssertionError, match="a closed form built something"):
        counted(random_accelerator(3, 0))


# ---------------------------------------------------------------------- idioms
bits = st.integers(1, 9)


@given(bits, bits)
def test_an_idiom_is_made_of_what_it_builds(width, other):
    narrow = min(width, other)
    one, two = {"a": width, "b": narrow}, {"a": width, "b": width, "c": 1}
    cases = (
        (one, lambda a, b: wires.add(a, b, width), wires.add_gates(width)),
        (one, lambda a, b: wires.subtract(a, b, width), wires.subtract_gates(width)),
        (one, wires.equals, wires.equals_gates(width)),
        (one, wires.below, wires.below_gates(width)),
        ({"a": width}, lambda a: wires.equals(a, 1), wires.equals_gates(width)),
        ({"a": width}, lambda a: wires.below(a, 1), wires.below_gates(width)),
        (two, lambda a, b, c: wires.held(c, a ^ b), made(wires.held_gates(width), xor2=width)),
        (two, lambda a, b, c: ring_add(a, b, b, width), ring_add_gates(width, True)),
        (two, lambda a, b, c: ring_add(a, b, None, width), ring_add_gates(width, False)),
        (two, lambda a, b, c: ring_subtract(a, b, a, width), ring_subtract_gates(width)),
        (two, lambda a, b, c: phase_add(a, b, b)[0], phase_add_gates(width)),
    )
    for inputs, build, expected in cases:
        assert built_gates(build, inputs) == expected.primitive()


def made(gates: Gates, **more: int) -> Gates:
    return summed(gates, Gates(more))


def built_gates(build, inputs: dict[str, int]) -> Gates:
    return Circuit(lambda **given_wires: {"out": build(**given_wires)}, **inputs).gates


@given(st.integers(1, 9), st.integers(1, 5))
def test_a_selection_is_made_of_what_it_builds(options, width):
    inputs = {f"a{i}": width for i in range(options)}

    def picked(index, **values):
        return {"out": wires.picked(index, list(values.values()))}

    def one_of(index, **values):
        hot = [index[i] for i in range(options)]
        return {"out": wires.one_of(list(zip(hot, values.values(), strict=True)))}

    expected = wires.picked_gates(options, width).primitive()
    assert Circuit(picked, index=4, **inputs).gates == expected
    expected = wires.one_of_gates(options, width).primitive()
    assert Circuit(one_of, index=options, **inputs).gates == expected


def test_clock_gates_stand_in_the_place_of_multiplexers():
    gates = {"dma": Gates(holding=55, flop=50), "array": Gates(holding=7, mux2=1)}
    sinks = [
        ("dma", Sinks("tile_register", "swap", 30)),
        ("array", Sinks("tile_register", "swap", 3)),
        ("dma", Sinks("tile_register", "other", 20)),
        ("array", Sinks("accumulator", "swap", 4)),
    ]
    changed, flops = gated_gates(gates, sinks)
    assert changed == {
        "dma": Gates(flop=50, holding=5, clock_gate=2 + 1),
        "array": Gates(mux2=1, clock_gate=1),
    }
    assert flops == 57
