"""How a row is judged, worked out by hand; and what the parts of a scope are."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.report.validation import lines
from asicbnn.result import PARTS
from asicbnn.validate.comparison import MISSES, Row
from asicbnn.validate.facts import Published
from asicbnn.validate.scopes import SCOPES, covered, covered_error

AGAINST = {"voltage_ratio": {"against": {"voltage_v": 0.5}}}


def row(quantity, published, predicted, error=0.0, **extra):
    extra = {**AGAINST.get(quantity, {}), **extra}
    figure = Published.model_validate(
        {"quantity": quantity, "value": published, "confidence": "read", "source": "x", **extra}
    )
    return Row("chip", figure, "", published, "measured", predicted, error)


@pytest.mark.parametrize(
    ("made", "verdict"),
    [
        (row("steps", 100, 100), "equal"),
        (row("steps", 100, 101), "differs"),
        (row("cycles", 100, 119), "within"),
        (row("cycles", 100, 121), "beyond"),
        (row("cycles", 100, 79), "beyond"),
        (row("energy_uj", 100, 100), "inside"),
        (row("energy_uj", 100, 190, 1.0), "inside"),  # 95 to 380
        (row("energy_uj", 100, 210, 1.0), "outside"),  # 105 to 420
        (row("energy_uj", 100, 51, 1.0), "inside"),  # 25.5 to 102
        (row("energy_uj", 100, 49, 1.0), "outside"),
        (row("energy_uj", 100, 49, 1.0, is_upper_bound=True), "inside"),
        (row("energy_uj", 100, 210, 1.0, is_upper_bound=True), "outside"),
        (row("energy_uj", 100, None), "not predicted"),
    ],
)
def test_verdicts(made, verdict):
    assert made.verdict == verdict
    assert made.is_miss == (verdict in MISSES)


def test_a_ratio_is_judged_at_20_percent_and_may_still_lie_in_its_band():
    near, far = row("voltage_ratio", 2.0, 3.0, 1.0), row("voltage_ratio", 2.0, 3.0, 0.3)
    assert (near.verdict, near.is_inside) == ("beyond", True)  # 1.5 to 6
    assert (far.verdict, far.is_inside) == ("beyond", False)  # 2.3 to 3.9
    assert [line.verdict for line in lines([near, far])] == ["beyond, inside its band", "beyond"]


def test_a_miss_is_explained_with_its_figures_and_a_hit_is_not():
    words = "{predicted} for {published}, {factor}"
    assert row("cycles", 100, 250, miss=words).discussion == "250 for 100, 2.50"
    assert row("cycles", 100, 100, miss=words).discussion == ""


@pytest.mark.parametrize(
    ("scope", "fj_per_op", "is_warned"),
    [
        ("chip", 1.5, False),  # 667 TOPS/W
        ("chip", 1.4, True),  # 714
        ("core", 1.4, True),
        ("datapath", 1.4, False),
        ("datapath", 0.41, False),  # 2439
        ("datapath", 0.39, True),  # 2564
    ],
)
def test_an_efficiency_beyond_any_published_one_is_doubted(scope, fj_per_op, is_warned):
    made = row("energy_fj_per_op", 2.0, fj_per_op, scope=scope)
    assert bool(made.warning) == is_warned
    assert not is_warned or "hard to believe" in made.warning


def test_each_scope_holds_the_one_before_and_the_last_holds_everything():
    names = [set(SCOPES[name]) for name in ("datapath", "buffers", "core", "chip", "network")]
    assert all(small < large for small, large in pairwise(names))
    assert names[-1] == set(PARTS)
    assert not {"external", "io"} & names[3]
    assert not {"clock", "control"} & names[1]


amounts = st.just(0.0) | st.floats(1e-3, 1e9)
energies = st.fixed_dictionaries(
    {f"{name}_energy_fj": amounts for name in ("array", "clock", "store_weight", "io")}
)


@given(energies, st.floats(0.0, 1.0))
def test_a_wider_scope_never_costs_less_and_one_error_of_all_parts_stays_it(metrics, error):
    found = [covered(metrics, scope, "energy_fj") for scope in SCOPES]
    assert found == sorted(found)
    assert found[-1] == pytest.approx(sum(metrics.values()))
    errors = dict.fromkeys(metrics, error)
    for scope, whole in zip(SCOPES, found, strict=True):
        expected = error if whole else 0.0
        assert covered_error(metrics, errors, scope, "energy_fj") == pytest.approx(expected)
