"""The tables, the page and the figure of a calibration, from measurements that are made up."""

from __future__ import annotations

import itertools
import math
import re

import pytest
from calibration.test_factors import POINTS, TECHNOLOGY, made

from asicbnn.calibration.calibrate import Calibration
from asicbnn.calibration.factors import Fit, fit
from asicbnn.errors import ModelError
from asicbnn.report.calibration import as_json, calibration_page, residual_csv
from asicbnn.report.calibration_plot import calibration
from asicbnn.report.style import save


@pytest.fixture(scope="module", name="found")
def _found():
    measured = [made(point, 1 + 0.01 * (i % 3)) for i, point in enumerate(POINTS)]
    fitted = fit(TECHNOLOGY, measured)
    return Calibration(
        "sky130hd", "adder_cells", tuple(measured), (), fitted, 12.3, "a tool", ("a.lib (0123)",),
        ("a note",),
    )  # fmt: skip


def test_the_page_has_a_line_for_every_factor(found):
    page = calibration_page(found, "it.svg", "it.csv")
    lines = re.findall(r"^\| .* \| (area|delay) \| ", page, re.MULTILINE)
    residuals = {(r.structure, r.metric) for r in found.residuals}
    assert len(lines) == sum(each[:2] in residuals for each in found.factors())
    assert "a multiplexer of the output stage to " in page  # no line, but a sentence
    assert "a flip-flop is mapped to 1.000 of the technology's area, a multiplexer that" in page
    assert "![Estimated over measured](it.svg)" in page
    assert "- a note" in page
    assert "a.lib (0123)" in page


def test_the_table_and_the_json_hold_every_residual(found):
    assert residual_csv(found).count("\n") == 1 + len(found.residuals)
    said = as_json(found)
    assert len(said["residuals"]) == len(found.residuals)
    assert {f["metric"] for f in said["factors"]} == {"area", "delay"}


def test_the_figure_is_the_same_each_time(found, tmp_path):
    [one] = save(calibration(found), tmp_path / "one", ["svg"])
    [two] = save(calibration(found), tmp_path / "two", ["svg"])
    assert one.read_bytes() == two.read_bytes()


def test_a_box_per_structure_is_the_band_the_next_design_is_expected_in(found):
    spreads = {(each.structure, each.metric): each.spread for each in found.summaries()}
    boxes = [box for axes in calibration(found).axes for bars in axes.containers for box in bars]
    drawn = sorted(box.get_y() + box.get_height() for box in boxes)
    assert drawn == pytest.approx(sorted(100 * spread for spread in spreads.values()))
    for box in boxes:
        above, below = box.get_y() / 100 + box.get_height() / 100, box.get_y() / 100
        assert (1 + above) * (1 + below) == pytest.approx(1)  # a factor either way


def test_no_name_of_the_figure_runs_into_another(found):
    figure = calibration(found)
    figure.draw_without_rendering()
    for axes in figure.axes:
        names = axes.get_xticklabels()
        places = [axes.transData.transform((x, 0))[0] for x in axes.get_xticks()]
        lean = math.sin(math.radians(names[0].get_rotation())) or math.inf
        tall = names[0].get_fontsize() * figure.dpi / 72
        assert all(b - a > tall / lean for a, b in itertools.pairwise(places))
    titles = [axes.title.get_window_extent() for axes in figure.axes]
    labels = [text.get_window_extent() for part in figure.subfigs for text in part.texts]
    for one, other in itertools.combinations(titles + labels, 2):
        assert not one.overlaps(other)


def test_nothing_measured_is_nothing_drawn(found):
    empty = Calibration("x", "adder_cells", (), (), Fit({}, ()), 0.0, "", (), ())
    with pytest.raises(ModelError, match="nothing was measured"):
        calibration(empty)
