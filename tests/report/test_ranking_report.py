"""The page, the table and the figure of a ranking, from energies that are made up."""

from __future__ import annotations

import csv
import io
import itertools

import pytest

from asicbnn.calibration.ranking import Ranked
from asicbnn.errors import ModelError
from asicbnn.report.ranking import ranking_csv, ranking_page
from asicbnn.report.ranking_plot import ranking_figure
from asicbnn.report.style import save

RANKED = [
    Ranked(f"{name}_{i}", network, i + 1.0, i + 1.1, 0.5 * i + 0.5, 0.5 * i + 0.52, 0.2)
    for network in ("mlp", "cnn")
    for i, name in enumerate(("sliced", "tree", "sliced"))
]


def test_the_page_has_a_line_per_network_and_names_what_lies_beside_it():
    page = ranking_page("sky130hd", RANKED, "it.svg", "it.csv")
    assert "| mlp | 3 | 1.000 | 1.000 | sliced_0 | sliced_0 | +0.0% |" in page
    assert "| cnn | 3 | " in page
    assert "![Estimates against gates](it.svg)" in page
    assert "[it.csv](it.csv)" in page
    assert "off by 9.1% at most, logic and clock in it by 3.8%" in page


def test_the_table_holds_every_pair():
    rows = list(csv.DictReader(io.StringIO(ranking_csv(RANKED))))
    assert len(rows) == len(RANKED)
    assert float(rows[1]["gates_uj"]) == 2.1


def test_the_figure_draws_the_band_of_each_and_rings_the_pick(tmp_path):
    figure = ranking_figure(RANKED)
    for axes in figure.axes:
        lines = [line.get_ydata() for line in axes.get_lines()]
        assert sum(list(ends) == pytest.approx([1 / 1.2, 1.2]) for ends in lines) == 1
        rings = [line for line in axes.get_lines() if line.get_markersize() == 8]
        assert [list(ring.get_ydata()) for ring in rings] == [[1.0]]
    [one] = save(figure, tmp_path / "one", ["svg"])
    [two] = save(ranking_figure(RANKED), tmp_path / "two", ["svg"])
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("ends", [(0.4, 0.52), (0.4, 1.2), (0.4, 16.0), (0.0158, 0.0365)])
def test_numbers_along_the_axes_stand_apart(ends):
    networks = ("mlp", "cnn", "narrow")  # as many panels as a page has
    some = [Ranked(f"tree_{x:g}", name, x, x, x, x, 0.15) for name in networks for x in ends]
    figure = ranking_figure(some)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    low, high = axes.get_xlim()
    boxes = [
        text.get_window_extent()
        for text, x in zip(axes.get_xticklabels(which="both"), axes.get_xticks(), strict=False)
        if text.get_text() and low <= x <= high
    ]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def test_nothing_ranked_is_nothing_drawn():
    with pytest.raises(ModelError, match="nothing was ranked"):
        ranking_figure([])
