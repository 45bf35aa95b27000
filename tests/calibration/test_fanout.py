"""Buffers on large nets: as many as a closed form counts are put in."""

from __future__ import annotations

import pytest
from calibration.cells import netlist
from calibration.small_library import written
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.calibration.fanout import buffered
from asicbnn.calibration.mapping_cells import mapping_cells
from asicbnn.hardware.fanout import MOST_PINS, buffers


@pytest.fixture(scope="module", name="small")
def _small(tmp_path_factory):
    library, path = written(tmp_path_factory.mktemp("library"))
    return library, mapping_cells(library, [path]).names


@given(pins=st.lists(st.integers(1, 600), min_size=1, max_size=3))
def test_as_many_buffers_are_counted_as_are_put_in(pins, small):
    cells = {}
    for net, number in enumerate(pins):
        cells[f"a{net}"] = ("INV", (), {"A": "x"}, {"Y": f"n{net}"})
        for i in range(number):
            cells[f"b{net}_{i}"] = ("INV", (), {"A": f"n{net}"}, {"Y": f"z{net}_{i}"})
    grown = buffered(netlist(["x"], [], cells), *small)
    assert grown.census()["BUF"] == sum(map(buffers, pins))
    assert max(map(len, grown.loads.values())) <= MOST_PINS


def test_a_net_of_few_pins_has_none():
    assert [buffers(n) for n in (0, 1, MOST_PINS, MOST_PINS + 1)] == [0, 0, 0, 2]
    assert buffers(MOST_PINS**2) == MOST_PINS
    assert buffers(MOST_PINS**2 + 1) == MOST_PINS + 1 + 2
