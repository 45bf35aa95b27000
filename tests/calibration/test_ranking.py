"""The order of estimates against that of gates, and what of the model gates are held against."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.calibration.energy_shares import SHARES, modelled_fj
from asicbnn.calibration.ranking import Ranked, candidates, networks, ranking
from asicbnn.model.clock_tree import is_of_tree
from asicbnn.model.costs import costs
from asicbnn.result import PARTS
from asicbnn.spec import load
from asicbnn.technology import library
from asicbnn.technology.calibration import CLOCK, SWITCHING


def ranked(name, estimated, gates, network="net"):
    return Ranked(name, network, estimated, gates, -estimated, gates, 0.1)


def test_pairs_in_the_wrong_order_lower_tau_and_the_pick_costs_more():
    some = [ranked("a", 1.0, 1.3), ranked("b", 2.0, 1.0), ranked("c", 3.0, 4.0)]
    [found] = ranking(some)
    assert found.tau == pytest.approx(1 / 3)  # two pairs agree, one does not
    assert found.logic_tau == pytest.approx(-1 / 3)
    assert (found.pick, found.best, found.accelerators) == ("a", "b", 3)
    assert found.regret == pytest.approx(0.3)


def test_networks_are_ranked_apart():
    some = [ranked("a", 1, 1), ranked("b", 2, 2), ranked("a", 1, 2, "n"), ranked("b", 2, 1, "n")]
    assert [(x.network, x.tau, x.regret) for x in ranking(some)] == [("net", 1, 0), ("n", -1, 1)]


@given(st.permutations(range(6)))
def test_the_order_alone_decides_on_tau(order):
    plain = ranking([ranked(str(i), i + 1, n + 1) for i, n in enumerate(order)])[0]
    bent = ranking([ranked(str(i), (i + 1) ** 3, 2.0 ** (n + 1)) for i, n in enumerate(order)])[0]
    assert plain.tau == bent.tau
    assert plain.regret >= 0


def test_forty_accelerators_are_ranked_and_all_differ():
    found = list(candidates())
    assert len(found) == 40
    assert len({accelerator.name for accelerator in found}) == 40
    assert len({accelerator.model_copy(update={"name": "x"}) for accelerator in found}) == 40
    assert all(
        accelerator.array.unroll.out_channels * accelerator.array.unroll.in_channels <= 512
        for accelerator in found
    )
    assert len(networks()) == 3


def test_shares_are_the_energy_of_the_logic_but_for_the_clock_tree():
    accelerator = load("arch_specs/tiny.yaml")
    technology = library.load(accelerator.technology)
    rates = costs(accelerator, technology).rates_of[1]
    counts = {rate.event: 2.0 for rate in rates}
    found = modelled_fj(rates, counts)
    assert set(found) == {*SWITCHING, CLOCK} == set(SHARES)
    classes = ("post", "clock")  # of the memory of the classes, which is a memory
    logic = sum(
        2 * r.energy_fj for r in rates
        if PARTS[r.part].kind == "logic" and (r.part, r.term) != classes
    )  # fmt: skip
    tree = sum(2 * r.energy_fj for r in rates if is_of_tree(r))
    clock = sum(2 * r.energy_fj for r in rates if r.part == CLOCK)
    assert sum(found.values()) == pytest.approx(logic - tree)
    assert found[CLOCK] == pytest.approx(clock - tree)
