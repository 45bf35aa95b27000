from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pandas as pd
import pytest
import synthetic

from asicbnn.errors import SpecError
from asicbnn.report import report
from asicbnn.sweep.files import write_table
from asicbnn.sweep.pareto import mark_front


class Reader(HTMLParser):
    """Counts elements and collects ids, references and text outside figures."""

    def __init__(self):
        super().__init__()
        self.ids, self.links, self.sources, self.open, self.text = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values["href"]] if "href" in values else []
        self.sources += [v for k, v in attrs if k in ("src", "srcset", "data")]
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("demo")
    sweep = synthetic.sweep_table(60, 2)
    sweep.insert(0, "point", range(len(sweep)))
    sweep.insert(4, "array.unroll.out_channels", [8, 16] * (len(sweep) // 2))
    sweep["pareto"] = mark_front(sweep, ["area_um2", "latency_ms"], ("workload", "technology"))
    write_table(sweep, place / "space")
    facts = {
        "refused": {"layer <b>conv1</b> does not fit": 3},
        "objectives": ["area_um2", "latency_ms"],
        "flags": ["memory timing assumed"],
    }
    (place / "space.json").write_text(json.dumps(facts))
    write_table(synthetic.dataflow_table(), place / "dataflows")
    layers = synthetic.layer_table().assign(peak_ops_per_cycle=1e5, link_bits=64)
    write_table(layers, place / "layers")
    lrn = {"name": "lrn", "op": "lrn", "reason": "no unit", "weights": 0, "macs": 9}
    (place / "layers.json").write_text(json.dumps({"not_covered": [lrn]}))
    checks = pd.DataFrame(
        {"layer": ["fc1", "fc2"], "quantity": "cycles", "model": [5, 6], "hardware": [5, 6]}
    )
    write_table(checks, place / "verification")
    report(place, title="A <script>title</script>")
    return place


@pytest.fixture(scope="module")
def page(folder):
    reader = Reader()
    reader.feed((folder / "report.html").read_text("utf-8"))
    return reader


def test_the_page_is_well_formed(page):
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))


def test_the_page_loads_nothing_from_outside(page, folder):
    assert page.sources == []
    assert all(link.startswith("#") for link in page.links)
    text = (folder / "report.html").read_text("utf-8")
    assert not re.search(r"url\((?!#)|@import|<script", text)


def test_every_link_of_the_page_leads_somewhere(page):
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)


def test_the_page_says_what_the_tables_say(page):
    text = "".join(page.text)
    assert "60 legal design points were evaluated." in text
    assert "3: layer <b>conv1</b> does not fit" in text
    assert "The front is taken over area, latency, per workload and technology." in text
    assert "All 2 comparisons of the model with the generated hardware are equal." in text
    assert "not covered: lrn (lrn): no unit; 9 MACs and 0 weights in no total" in text
    assert "Energy per inference [µJ]" in text


def test_the_manifest_lists_the_tables(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    names = [entry["name"] for entry in manifest["files"]]
    assert names == [
        "dataflows.parquet", "layers.json", "layers.parquet", "space.json", "space.parquet",
        "verification.parquet",
    ]  # fmt: skip
    assert manifest["libraries"]["numpy"]


def test_figures_are_written_as_files_when_asked_for(tmp_path):
    write_table(synthetic.layer_table(), tmp_path / "layers")
    report(tmp_path)
    assert not (tmp_path / "figures").exists()
    report(tmp_path, formats=["png", "svg"])
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert names == {"layers-latency.png", "layers-latency.svg"}


def test_the_same_folder_makes_the_same_page(tmp_path):
    write_table(synthetic.dataflow_table(), tmp_path / "dataflows")
    first = report(tmp_path).read_bytes()
    assert report(tmp_path).read_bytes() == first


def test_differences_are_shown_first(tmp_path):
    checks = pd.DataFrame(
        {"layer": ["a", "b"], "quantity": "bits", "model": [1, 2], "hardware": [1, 3]}
    )
    write_table(checks, tmp_path / "verification")
    text = report(tmp_path).read_text("utf-8")
    assert "1 of 2 comparisons differ." in text
    assert ">b</td>" in text
    assert ">a</td>" not in text


def test_a_folder_without_tables_is_refused(tmp_path):
    with pytest.raises(SpecError, match=r": no tables in it; `asicbnn sweep` and `compare` write"):
        report(tmp_path)
    with pytest.raises(SpecError, match=r"none: no such folder$"):
        report(tmp_path / "none")


def test_a_summary_comes_first_and_verification_next(folder):
    text = (folder / "report.html").read_text("utf-8")
    titles = re.findall(r"<h2>(.*?)</h2>", text)
    assert titles == [
        "Summary", "Verification", "Design space: space",
        "Dataflows: edge64 runs binarynet_cifar10 in sky130hd",
        "Layers: edge64 runs binarynet_cifar10 in sky130hd",
    ]  # fmt: skip
    assert "Verified: All 2 comparisons" in text
    assert text.count("Design points of least energy per inference") == 1


def test_a_folder_without_verification_says_so(tmp_path):
    write_table(synthetic.dataflow_table(), tmp_path / "dataflows")
    assert "Not verified here" in report(tmp_path).read_text("utf-8")
