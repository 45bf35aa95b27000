"""Factors of energy come out of measurements they were put into."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.calibration import energy_measurement
from asicbnn.calibration.energy_measurement import EnergyMeasurement, energy_points
from asicbnn.calibration.energy_shares import SHARES
from asicbnn.calibration.factors import fit
from asicbnn.calibration.grid import GridPoint, grid
from asicbnn.calibration.network_energy import Sample
from asicbnn.technology import library
from asicbnn.technology.calibration import CLOCK, energy_key

FACTORS = dict(zip(SHARES, (1.2, 1.5, 0.5, 2.0, 3.0, 0.25, 1.25, 0.8), strict=True))
TERMS = {"a": 1.5, "b": 0.5, "glitches": 0.25}
TECHNOLOGY = library.load("sky130hd")
POINTS = [GridPoint("sliced", 4, 16 * i, 0) for i in range(1, 9)]


def single(share, fj):
    """One term of a share, by the share's own name."""
    return {share: fj}


def measurement(point, gates, own, added=None, windows=(), steps=50.0):
    nothing = {share: {} for share in SHARES}
    return EnergyMeasurement(
        point, gates, own, added or nothing, steps, 2.0 * point.pes * point.lanes, 0.2, (), windows
    )


def measured(point, off=1.0):
    """Gates that take the factors times the model, and the sums `off` times as much."""
    own = {s: single(s, 100.0 + 7 * i + point.lanes) for i, s in enumerate(SHARES)}
    gates = {share: FACTORS[share] * own[share][share] for share in SHARES}
    gates["sums"] *= off
    return measurement(point, gates, own)


def factors_of(measurements):
    return {key: entry.energy for key, entry in fit(TECHNOLOGY, (), measurements).entries.items()}


def test_factors_that_were_put_in_come_out():
    found = factors_of([measured(point) for point in POINTS])
    for share in SHARES:
        key = energy_key(share, "sliced")
        assert found[key].factor == pytest.approx(FACTORS[share])
        assert found[key].spread == pytest.approx(0, abs=1e-6)
        assert found[key].points == 4  # every second one
        assert found[key].terms == {}  # of one term the factor is the share's
    for whole in ("accelerator_sliced", "array_sliced"):
        assert found[whole].factor == 1
        assert "not scaled" in found[whole].note


def several(point, rates, noise=1.0):
    """A data mover whose energy has two terms at level cell, and one that only gates add."""
    windows = []
    for share_of_a in (0.9, 0.5, 0.1):
        own = {share: single(share, 10.0) for share in SHARES}
        added = {share: {} for share in SHARES}
        own["dma"] = {"a": 100 * share_of_a, "b": point.lanes * (1 - share_of_a)}
        added["dma"] = {"glitches": 40 * share_of_a**2}
        gates = {share: FACTORS[share] * 10.0 for share in SHARES}
        every = {**own["dma"], **added["dma"]}
        gates["dma"] = noise * sum(rates[name] * fj for name, fj in every.items())
        windows.append(Sample(0, {"steps": 1.0}, gates, own, added, 1.0))

    def mean(terms_of):
        return {
            share: {
                name: sum(terms_of(w)[share][name] for w in windows) / len(windows)
                for name in terms_of(windows[0])[share]
            }
            for share in SHARES
        }

    gates = {share: sum(w.gates_fj[share] for w in windows) / len(windows) for share in SHARES}
    own, added = mean(lambda w: w.terms_fj), mean(lambda w: w.added_fj)
    return measurement(point, gates, own, added, tuple(windows), steps=len(windows))


def test_windows_tell_the_terms_of_one_part_apart():
    found = factors_of([several(point, TERMS) for point in POINTS])["dma"]
    # the pull towards the factor of the whole is weak, and not nought
    assert found.terms["a"] == pytest.approx(TERMS["a"], abs=0.2)
    assert found.terms["a"] > 1.5 * found.terms["b"] > 0
    assert found.terms["glitches"] > 0
    assert found.spread < 0.1


def test_no_other_factors_of_terms_lie_nearer_to_windows_and_to_what_holds_them():
    made = [several(point, TERMS, 1 + 0.02 * (-1) ** (i // 2)) for i, point in enumerate(POINTS)]
    found = factors_of(made)["dma"]

    def missed(terms, counted, gates_fj):
        return sum(terms[name] * fj for name, fj in counted.items()) - gates_fj

    def loss(terms):
        """Squares of windows and wholes over the whole's energy, and a fiftieth of the pulls'."""
        total = 0.0
        for m in made[::2]:
            whole_fj = m.gates_fj["dma"]
            wholes = m.terms_fj["dma"] | m.added_fj["dma"]
            total += (missed(terms, wholes, whole_fj) / whole_fj) ** 2
            for w in m.windows:
                off_fj = missed(terms, w.terms_fj["dma"] | w.added_fj["dma"], w.gates_fj["dma"])
                total += (off_fj / (whole_fj * m.steps)) ** 2
            for name, fj in wholes.items():
                held_to = found.factor if name in m.terms_fj["dma"] else 0.0
                total += 0.02 * (fj / whole_fj * (terms[name] - held_to)) ** 2
        return total

    for name, value in found.terms.items():
        for other in (0.98, 1.02):
            assert loss(found.terms) < loss({**found.terms, name: other * value})


@given(st.lists(st.floats(0.5, 2), min_size=8, max_size=8))
def test_no_other_factor_of_one_term_leaves_less_squares_of_relative_errors(off):
    made = [measured(p, x) for p, x in zip(POINTS, off, strict=True)]
    factor = factors_of(made)["sums"].factor
    fitted = [(m.terms_fj["sums"]["sums"], m.gates_fj["sums"]) for m in made[::2]]

    def squares(tried):
        return sum((tried * model / gates - 1) ** 2 for model, gates in fitted)

    for other in (0.9, 0.999, 1.001, 1.1):
        assert squares(factor) <= squares(other * factor)


def test_what_always_comes_together_shares_its_factor():
    """Of two terms that cannot be told apart neither takes all, and none is nought."""
    even = [several(point, {"a": 1.0, "b": 1.0, "glitches": 0.0}) for point in POINTS]
    twins = []
    for m in even:
        windows = []
        for w in m.windows:
            own = {**w.terms_fj, "dma": {"a": 30.0, "b": 60.0}}
            gates = {**w.gates_fj, "dma": 180.0}
            windows.append(Sample(0, w.counts, gates, own, {s: {} for s in SHARES}, 1.0))
        gates = {**m.gates_fj, "dma": 180.0}
        own = {**m.terms_fj, "dma": {"a": 30.0, "b": 60.0}}
        twins.append(measurement(m.point, gates, own, None, tuple(windows), 3.0))
    found = factors_of(twins)["dma"]
    assert found.factor == pytest.approx(2)
    assert found.terms == pytest.approx({"a": 2, "b": 2})


def test_a_term_no_design_has_takes_the_factor_of_its_part():
    idle = [several(point, TERMS) for point in POINTS]
    for m in idle:
        for w in m.windows:
            w.terms_fj["dma"]["never"] = 0.0
        m.terms_fj["dma"]["never"] = 0.0
    assert "never" not in factors_of(idle)["dma"].terms


def test_products_are_fitted_on_their_own_popcount():
    tree = [measured(GridPoint("tree", 4, 16 * i, 0)) for i in range(1, 5)]
    for m in tree:
        m.gates_fj["popcount"] *= 2
    found = factors_of([*(measured(point) for point in POINTS), *tree])
    assert found["popcount_tree"].factor == pytest.approx(2 * found["popcount_sliced"].factor)
    assert found["sums"].points == found["registers"].points == 6


def test_what_stands_before_the_counters_has_one_factor_for_both_popcounts():
    """Every tree has products apart, so trees alone could not tell them from their counters."""
    made = []
    for structure, counters in (("sliced", 1.5), ("tree", 0.8)):
        for i in range(1, 9):
            m = measured(GridPoint(structure, 4, 16 * i, 0))
            apart = 1 if structure == "tree" else i % 3
            own, added = {"popcount": 100.0}, {"products apart": 40.0 * apart}
            spent = 100.0 * counters + 0.5 * added["products apart"]
            terms, more = {**m.terms_fj, "popcount": own}, {share: {} for share in SHARES}
            more["popcount"] = added
            made.append(measurement(m.point, {**m.gates_fj, "popcount": spent}, terms, more))
    found = factors_of(made)
    sliced, tree = (found[f"popcount_{structure}"] for structure in ("sliced", "tree"))
    assert sliced.terms["products apart"] == tree.terms["products apart"]
    assert tree.terms == pytest.approx({"popcount": 0.8, "products apart": 0.5}, abs=0.15)
    assert sliced.terms["popcount"] == pytest.approx(1.5, abs=0.1)


@given(st.lists(st.floats(0.8, 1.25), min_size=8, max_size=8))
def test_the_spread_holds_the_designs_that_were_fitted_on(off):
    measurements = [measured(p, x) for p, x in zip(POINTS, off, strict=True)]
    made = fit(TECHNOLOGY, (), measurements)
    spread = made.entries["sums"].energy.spread
    for residual in made.residuals:
        if residual.structure == "sums" and residual.is_fitted:
            wide = 1 + spread + 1e-9
            assert 1 / wide <= residual.measured / residual.estimated <= wide
    for key, shares in (("accelerator_sliced", SHARES), ("array_sliced", ("popcount", "sums"))):
        whole = [r for r in made.residuals if r.structure == key]
        assert [r.measured for r in whole] == [
            pytest.approx(sum(m.gates_fj[share] for share in shares)) for m in measurements
        ]


def test_energy_is_measured_where_nothing_is_composed():
    chosen = energy_points(grid())
    assert all(p.pes * p.lanes <= 1024 or p.pes == 4 for p in chosen)
    assert {p.structure for p in chosen} == {"sliced", "tree"}
    assert len(chosen) >= 24
    assert energy_points(chosen[:1]) == chosen[:1]


def test_gates_of_many_pes_lie_on_the_line_through_two_smaller_numbers(monkeypatch):
    """Each share of what grows with the PEs: so much for each, and so much for all."""
    each, fixed = 3.5, 40.0

    def samples(flow, point, technology, form, components, sampling):
        grown = {share: fixed + i + each * point.pes for i, share in enumerate(SHARES)}
        gates = dict.fromkeys(SHARES, 0.0)
        if "array" in components:
            gates |= {share: grown[share] for share in ("popcount", "sums", "registers", CLOCK)}
        else:
            gates |= dict.fromkeys(("dma", "sequencer", "controller", "output"), 7.0)
        counts = {"steps": 1.0, "active_lane_steps": 1.0}
        nothing = {share: {share: 1.0} for share in SHARES}
        return (Sample(0, counts, gates, nothing, nothing, 1.0),)

    monkeypatch.setattr(energy_measurement, "_samples", samples)
    point = GridPoint("sliced", 100, 64, 0)
    found = energy_measurement.measure_energy(None, point, TECHNOLOGY, "adder_cells")
    assert found.is_composed
    for i, share in enumerate(SHARES):
        if share in ("popcount", "sums", "registers", CLOCK):
            assert found.gates_fj[share] == pytest.approx(fixed + i + each * point.pes)
        else:
            assert found.gates_fj[share] == 7.0


def test_the_clock_has_one_factor():
    found = factors_of([measured(point) for point in POINTS])
    assert found[CLOCK].factor == pytest.approx(FACTORS[CLOCK])
