"""The tables of a simulation: sums over images, and what one image takes."""

from __future__ import annotations

from report.test_tables import a_result, shown

from asicbnn.report.simulated import simulation
from asicbnn.units import quantity


def test_one_image_is_shown_without_sums_and_means():
    text = shown(simulation(a_result(), 1, 1, None), width=10_000)
    assert text.startswith("edge[64] ran 1 image of net, cycle by cycle\n")
    assert "per image" not in text
    assert "sum over" not in text
    assert "classified" not in text


def test_means_are_the_totals_over_the_images():
    result = a_result()
    text = shown(simulation(result, 1000, 8, 0.9834), width=10_000)
    headline, accuracy, *lines = text.splitlines()
    assert headline == "edge[64] ran 1,000 images of net, cycle by cycle, 8 at a time"
    assert accuracy == "0.9834 of them classified as labelled"
    assert "every figure below is a sum over 1,000 images" in lines
    [first] = [i for i, line in enumerate(lines) if line.startswith("per image")]
    values = [line.split()[-2:] for line in lines[first : first + 3]]
    names = (("cycles", "cycle"), ("latency_ms", "ms"), ("energy_fj", "fJ"))
    assert [" ".join(value) for value in values] == [
        quantity(result.totals[name] / 1000, unit) for name, unit in names
    ]


def test_what_is_assumed_and_not_covered_stands_under_the_tables():
    text = shown(simulation(a_result(), 1, 1, None), width=10_000)
    assert "not covered: 1 layer" in text
    assert "note  assumed" in text
