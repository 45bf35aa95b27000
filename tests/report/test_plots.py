from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
import synthetic

from asicbnn.errors import SpecError
from asicbnn.report import compose, plots, roofline, style
from asicbnn.report.pareto_plot import pareto

FIGURES = {
    "pareto": lambda: pareto(synthetic.sweep_table(60)),
    "pareto of three": lambda: pareto(
        synthetic.sweep_table(90, 3), x="latency_ms", y="efficiency_tops_per_w"
    ),
    "energy": lambda: plots.breakdown(synthetic.dataflow_table(), label="dataflow"),
    "area": lambda: plots.breakdown(synthetic.sweep_table(9).head(2), quantity="area_um2"),
    "latency": lambda: plots.latency(synthetic.layer_table()),
    "dataflows": lambda: plots.dataflows(synthetic.dataflow_table()),
    "roofline": lambda: roofline.roofline(
        synthetic.layer_table(), peak_ops_per_cycle=4096, link_bits=64
    ),
}


def texts(figure):
    return [t.get_text() for t in figure.findobj(mpl.text.Text) if t.get_text()]


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_the_same_bytes_each_time(name, tmp_path):
    digests = []
    for folder in ("a", "b"):
        path = tmp_path / folder / "figure"
        written = style.save(FIGURES[name](), path, ("svg",))
        digests.append([hashlib.sha256(p.read_bytes()).hexdigest() for p in written])
    assert digests[0] == digests[1]


def test_all_formats_are_written_without_dates(tmp_path):
    written = style.save(FIGURES["latency"](), tmp_path / "v1.latency")
    assert [p.name for p in written] == ["v1.latency.svg", "v1.latency.pdf", "v1.latency.png"]
    svg, pdf, png = (p.read_bytes() for p in written)
    assert b"<dc:date>" not in svg
    assert b"CreationDate" not in pdf
    assert png.startswith(b"\x89PNG")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in written)


def test_users_settings_neither_leak_in_nor_are_changed():
    before = dict(mpl.rcParams)
    with mpl.rc_context({"font.size": 30, "axes.grid": False}):
        figure = FIGURES["latency"]()
    assert figure.axes[0].xaxis.label.get_fontsize() == style.RC["axes.labelsize"]
    assert dict(mpl.rcParams) == before


def test_axes_carry_units():
    assert {"Area [mm²]", "Energy per inference [µJ]"} <= set(texts(FIGURES["pareto"]()))
    assert "Energy [µJ]" in texts(FIGURES["energy"]())
    assert "Latency [ms]" in texts(FIGURES["pareto of three"]())


def test_logic_and_memory_are_bars_of_their_own():
    table = synthetic.dataflow_table()
    figure = plots.breakdown(table, label="dataflow")
    bars = [p for p in figure.axes[0].patches if p.get_height() > 0]
    tops: dict[float, float] = {}
    for bar in bars:
        place = round(bar.get_x() + bar.get_width() / 2, 3)
        tops[place] = max(tops.get(place, 0), bar.get_y() + bar.get_height())
    logic = [tops[round(i - 0.28, 3)] for i in range(5)]
    memory = [tops[float(i)] for i in range(5)]
    assert logic == pytest.approx((table["logic_energy_fj"] * 1e-9).tolist())
    assert memory == pytest.approx((table["memory_energy_fj"] * 1e-9).tolist())


def test_energy_of_layers_is_drawn_layer_by_layer():
    table = synthetic.layer_table()
    figure = compose.draw("energy", table, x="", y="", by="", label=None)
    assert set(table["layer"]) <= set(texts(figure))


def test_bars_of_a_layer_end_at_its_cycles():
    table = synthetic.layer_table()
    figure = plots.latency(table)
    for position, cycles in enumerate(table["cycles"]):
        bars = [p for p in figure.axes[0].patches if abs(p.get_y() + 0.36 - position) < 1e-9]
        assert max(p.get_x() + p.get_width() for p in bars) == pytest.approx(cycles)


def test_the_front_drawn_is_the_front():
    table = synthetic.sweep_table(60)
    sky = table[table["technology"] == "sky130hd"]
    [line] = [line for line in pareto(table).axes[0].lines if line.get_label() == "sky130hd"]
    energies = line.get_ydata()
    assert list(energies) == sorted(energies, reverse=True)
    assert min(energies) == pytest.approx(sky["energy_per_inference_uj"].min())


def test_an_inlined_figure_is_well_formed_and_keeps_its_references():
    svg = style.inline_svg(FIGURES["energy"](), "fig1")
    root = ET.fromstring(svg)
    ids = {e.get("id") for e in root.iter() if e.get("id")}
    assert all(name.startswith("fig1-") for name in ids)
    used = {
        value.removeprefix("#")
        for e in root.iter()
        for key, value in e.attrib.items()
        if key.endswith("href")
    }
    assert used <= ids


@pytest.mark.parametrize(
    ("draw", "sentence"),
    [
        (lambda t: pareto(t.drop(columns="area_um2")), r"^the table has no column area_um2"),
        (lambda t: pareto(t.head(0)), r"^the table has no rows to draw$"),
        (lambda t: pareto(t, x="macs"), r"^macs is not an objective; "),
        (lambda t: plots.latency(t), r"^the table has no column layer, which this figure draws$"),
        (plots.breakdown, r"^60 rows are too many for a breakdown; 16 fit: keep the rows to be "),
        (
            lambda t: plots.dataflows(t.assign(dataflow="best")),
            r"^60 rows are too many for a comparison of dataflows; 16 fit: keep the rows",
        ),
    ],
)
def test_a_table_that_does_not_serve_is_refused(draw, sentence):
    with pytest.raises(SpecError, match=sentence):
        draw(synthetic.sweep_table(60))


def test_names_in_a_roofline_cover_neither_points_nor_each_other():
    points = np.array([[0.7, 0.9], [0.7, 0.86], [0.83, 0.9], [0.5, 0.5], [0.5, 0.5], [0.97, 0.1]])
    names = ["conv2", "conv3", "conv4", "fc1", "fc2", "a long name"]
    line = np.column_stack([np.linspace(0, 1, 60), np.full(60, 0.92)])
    note = (0.6, 0.92, 1.0, 0.98)
    places = roofline._places(names, points, line, note)
    assert list(places) == ["conv2", "conv3", "conv4", "fc1, fc2", "a long name"]
    boxes = [
        (x, y, x + len(text) * roofline._CHARACTER, y + roofline._LINE)
        for text, (x, y) in places.items()
    ]
    assert all(box[0] >= 0 and box[2] <= 1 for box in boxes)
    for i, box in enumerate(boxes):
        assert all(roofline._overlap(box, other) == 0 for other in boxes[:i])
        assert roofline._overlap(box, note) == 0
        assert not any(box[0] < x < box[2] and box[1] < y < box[3] for x, y in [*points, *line])
