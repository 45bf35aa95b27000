from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.result import METRICS
from asicbnn.units import banded, figure, quantity, scale, typeset, unit_of


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (3.82e9, "fJ", "3.82 uJ"),
        (999, "fJ", "999 fJ"),
        (0, "fJ", "0 fJ"),
        (2.5e6, "um2", "2.50 mm2"),
        (20_000, "um2", "0.0200 mm2"),
        (812, "um2", "812 um2"),
        (0.25, "mW", "250 uW"),
        (1500, "MHz", "1.50 GHz"),
        (12_345_678, "cycle", "12,345,678 cycle"),
        (0.8312, "1", "0.831"),
        (0.0004, "TOPS", "0.400 GOPS"),
        (-12.34, "V", "-12.3 V"),
    ],
)
def test_a_quantity_is_printed_in_the_unit_it_reads_best_in(value, unit, text):
    assert quantity(value, unit) == text


@given(st.floats(1e-6, 1e15), st.sampled_from(["fJ", "uJ", "um2", "mW", "ps", "MHz", "TOPS"]))
def test_scaling_changes_the_unit_and_never_the_quantity(value, unit):
    factor, chosen = scale(value, unit)
    back, _ = scale(value * factor, chosen)
    assert back == 1
    factor_back = 1 / factor
    assert value * factor * factor_back == pytest.approx(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (7, "7"),
        (1234567.0, "1,234,567"),
        (0.00012, "0.000120"),
        (0.001234, "0.00123"),
        (45.67, "45.7"),
    ],
)
def test_figures(value, text):
    assert figure(value) == text


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (12.4321, 0.07, "12.4 +- 0.9"),
        (8.4567, 0.25, "8.46 +- 2.11"),
        (1.3674, 0.34, "1.37 +- 0.46"),
        (302.0, 0.099, "302 +- 30"),
        (12.4321, 0.002, "12.43 +- 0.02"),
        (1367.0, 0.0003, "1,367.0 +- 0.4"),
        (123456.0, 0.1, "123,456 +- 12,346"),
        (0.00271, 0.2, "0.00271 +- 0.00054"),
        (0.999, 0.2, "0.999 +- 0.200"),
        (12.4, 0.5, "12.4 (8.3-19)"),
        (1.37, 1.0, "1.37 (0.69-2.7)"),
        (4711.0, 1.0, "4,711 (2,400-9,400)"),
        (0.0999, 3.0, "0.0999 (0.025-0.40)"),
        (5, 0.0, "5"),
        (0.0, 0.3, "0"),
    ],
)
def test_a_number_with_a_band_keeps_three_figures(value, error, text):
    assert banded(value, error) == text


@given(st.floats(1e-6, 1e12), st.floats(0.001, 0.49))
def test_a_printed_band_is_the_band_within_its_rounding(value, error):
    printed, half = (float(x.replace(",", "")) for x in banded(value, error).split(" +- "))
    assert printed == pytest.approx(value, rel=0.0051)
    assert half == pytest.approx(value * error, rel=0.51)
    assert half > 0


def test_a_quantity_with_an_error_has_one_unit():
    assert quantity(12.43e9, "fJ", 0.07) == "12.4 +- 0.9 uJ"
    assert quantity(2.5e6, "um2", 1.0) == "2.50 (1.2-5.0) mm2"


def test_units_of_names():
    for metric in METRICS.values():
        if not metric.is_count:
            assert unit_of(metric.name) == metric.unit, metric.name
    assert unit_of("macs") == "1"


def test_typeset():
    assert [typeset(u) for u in ("um2", "TOPS/mm2", "uJ", "us", "fJ", "1/s", "degC")] == [
        "µm²", "TOPS/mm²", "µJ", "µs", "fJ", "1/s", "°C",
    ]  # fmt: skip
