"""What a result says of figures that are at a weaker level than the estimate they belong to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import asicbnn
from asicbnn.levels import RESULT_LEVELS, WEAKEST_FIRST
from asicbnn.model.level_flags import shortfalls

MERIT = {
    "energy_per_inference_uj": "energy per inference",
    "power_mw": "power",
    "area_um2": "area",
    "period_ps": "period",
}
levels = st.fixed_dictionaries({name: st.sampled_from(WEAKEST_FIRST) for name in MERIT})


@given(levels, st.sampled_from(RESULT_LEVELS))
def test_a_figure_is_named_where_its_level_is_the_weaker(found, asked):
    said = list(shortfalls(found, asked, "mine"))
    for name, words in MERIT.items():
        named = [sentence for sentence in said if words in sentence]
        is_weaker = WEAKEST_FIRST.index(found[name]) < WEAKEST_FIRST.index(asked)
        assert len(named) == is_weaker
        assert all(sentence.endswith(f"is {found[name]}") for sentence in named)


def test_the_sentence():
    some = {"energy_per_inference_uj": "assumed", "power_mw": "assumed", "area_um2": "cell"}
    short = "levels fall short of routed in mine: more than a twentieth of "
    assert list(shortfalls(some, "routed", "mine")) == [
        f"{short}energy per inference and power is assumed",
        f"{short}area is cell",
    ]


@pytest.mark.parametrize(("technology", "is_short"), [("sky130hd", True), ("ihp_sg13g2", False)])
def test_scaled_memories_are_told_and_measured_ones_are_not(technology, is_short):
    result = asicbnn.estimate(
        "arch_specs/tiny.yaml",
        "workloads/digits_mlp_64_256_256_10.yaml",
        technology=technology,
    )
    assert any(flag.startswith("levels fall short of gate") for flag in result.flags) == is_short
