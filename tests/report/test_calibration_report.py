"""The tables, the page and the figure of a calibration, from measurements that are made up."""

from __future__ import annotations

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


def test_nothing_measured_is_nothing_drawn(found):
    empty = Calibration("x", "adder_cells", (), (), Fit({}, ()), 0.0, "", (), ())
    with pytest.raises(ModelError, match="nothing was measured"):
        calibration(empty)
