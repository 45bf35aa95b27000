from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
import synthetic
from matplotlib.collections import LineCollection

from asicbnn.report import page, plots
from asicbnn.report.bands import level_note, reach, summed_reach, told_apart
from asicbnn.report.pareto_plot import pareto
from asicbnn.result import BANDED


def with_bands(table, error=0.2, level="cell"):
    return table.assign(level=level, **{f"{name}_error": error for name in BANDED if name in table})


def mixed(table):
    levels = np.where(table["technology"] == table["technology"].iloc[0], "gate", "cell")
    return with_bands(table).assign(level=levels)


def texts(figure):
    return [t.get_text() for t in figure.findobj(mpl.text.Text) if t.get_text()]


def bars(figure):
    return [x for x in figure.findobj(LineCollection) if len(x.get_segments())]


def test_bars_reach_as_far_as_the_interval():
    assert reach(np.array([4.0]), np.array([1.0])).tolist() == [[2.0], [4.0]]


def test_the_band_of_a_sum_is_narrower_than_the_sum_of_bands():
    table = with_bands(synthetic.sweep_table(4))
    names = ["link_energy_fj", "io_energy_fj"]
    below, above = summed_reach(table, names, 1.0)
    widths = table[names].to_numpy() * 0.2
    assert above == pytest.approx(np.hypot(*widths.T))
    assert (below < above).all()


@pytest.mark.parametrize("metric", ["energy_fj", "area_um2"])
def test_bars_stand_on_logic_memory_and_rest(metric):
    table = synthetic.sweep_table(3)
    assert not bars(plots.breakdown(table, "technology", metric))
    assert bars(plots.breakdown(with_bands(table), "technology", metric))


def test_dataflows_have_bars_where_energy_is_uncertain():
    table = synthetic.dataflow_table()
    assert not bars(plots.dataflows(table))
    figure = plots.dataflows(with_bands(table))
    assert len(bars(figure)) == 1
    assert "at cell level; bars: relative error" in texts(figure)


def test_each_series_of_a_front_has_one_cross():
    table = with_bands(synthetic.sweep_table(60))
    figure = pareto(table)
    panels, series = table["workload"].nunique(), table["technology"].nunique()
    assert len(bars(figure)) == 2 * panels * series
    assert "at cell level; bars: relative error" in texts(figure)


def test_a_bar_wider_than_a_linear_axis_is_said_instead():
    table = with_bands(synthetic.sweep_table(60), error=1.0)
    table["latency_ms"] = np.linspace(10.0, 11.0, len(table))
    narrow = pareto(table, x="latency_ms")
    assert any(text.endswith(", within a factor 2") for text in texts(narrow))
    for axes in narrow.axes:
        if axes.get_xlabel():
            low, high = axes.get_xlim()
            assert 9 < low < high < 12


def test_series_of_different_levels_say_so():
    table = mixed(synthetic.sweep_table(60))
    figure = pareto(table)
    said = texts(figure)
    first, *others = table["technology"].unique()
    assert f"{first} (gate)" in said
    assert {f"{name} (cell)" for name in others} <= set(said)
    assert "at different levels; bars: relative error" in said
    firsts = table.groupby("technology").head(1)
    bar_names = " ".join(texts(plots.breakdown(firsts, "technology")))
    assert "(gate)" in bar_names
    assert "(cell)" in bar_names


def test_rows_of_one_level_keep_their_names():
    table = with_bands(synthetic.sweep_table(6))
    assert told_apart(table, "technology") is table
    assert level_note(synthetic.sweep_table(6)) is None


def test_a_page_prints_the_band_beside_the_value():
    rows = [
        {"point": 1, "energy_fj": 12.43e9, "energy_fj_error": 0.07, "latency_ms": 8.0},
        {"point": 2, "energy_fj": 2.43e9, "energy_fj_error": 1.0, "latency_ms": 8.0,
         "latency_ms_error": 0.0},
    ]  # fmt: skip
    grid = page.grid(rows, ["point", "energy_fj", "latency_ms"], "t")
    assert grid.rows == [["1", "12.4 ± 0.9", "8"], ["2", "2.43 (1.2\u20134.9)", "8"]]
