from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from asicbnn.errors import SpecError
from asicbnn.sweep.pareto import costs_of, mark_front, non_dominated


def dominates(a, b):
    return all(a <= b) and any(a < b)


few_values = st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0, np.inf, np.nan])
tables = st.tuples(st.integers(0, 30), st.integers(1, 4)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=few_values)
)


@given(tables)
def test_the_front_is_what_the_definition_says(costs):
    mask = non_dominated(costs)
    candidates = [row for row in costs if not np.isnan(row).any()]
    for row, is_on_front in zip(costs, mask, strict=True):
        is_candidate = not np.isnan(row).any()
        beaten = any(dominates(other, row) for other in candidates)
        assert is_on_front == (is_candidate and not beaten)


@given(tables, st.randoms())
def test_the_front_does_not_depend_on_the_order_of_points(costs, random):
    order = list(range(len(costs)))
    random.shuffle(order)
    assert (non_dominated(costs)[order] == non_dominated(costs[order])).all()


@given(arrays(np.float64, (40, 1), elements=st.floats(-5, 5)))
def test_one_objective_leaves_its_minima(costs):
    assert (non_dominated(costs) == (costs[:, 0] == costs.min())).all()


def test_equal_points_are_all_on_the_front():
    assert non_dominated(np.array([[1.0, 2], [1, 2], [2, 1], [2, 2]])).tolist() == [
        True, True, True, False,
    ]  # fmt: skip


def test_the_front_is_marked_per_workload_and_knows_what_is_better():
    table = pd.DataFrame(
        {
            "workload": ["a", "a", "a", "b"],
            "area_um2": [1.0, 2.0, 3.0, 9.0],
            "throughput_tops": [1.0, 3.0, 2.0, 0.1],
        }
    )
    assert mark_front(table, ["area_um2", "throughput_tops"]).tolist() == [True, True, False, True]
    whole = mark_front(table, ["area_um2", "throughput_tops"], within=())
    assert whole.tolist() == [True, True, False, False]
    assert costs_of(table, ["throughput_tops"])[:, 0].tolist() == [-1.0, -3.0, -2.0, -0.1]


@pytest.mark.parametrize(
    ("objectives", "sentence"),
    [
        ([], r"^a Pareto front needs at least one objective$"),
        (["speed"], r"^speed is not an objective; objectives are: steps, cycles, "),
        (["macs"], r"^macs is not an objective; "),
        (["area_um2"], r"^the table has no column area_um2$"),
    ],
)
def test_a_wrong_objective_is_refused(objectives, sentence):
    with pytest.raises(SpecError, match=sentence):
        mark_front(pd.DataFrame({"workload": []}), objectives)
