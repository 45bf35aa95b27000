"""The named dataflows are orders, and the accelerator's hold flags have the last word."""

import pytest

from asicbnn.bnn.layer import DIMENSIONS, Layer
from asicbnn.mapping.dataflow import DATAFLOWS, ORDERS, named_mapping, whole_tiles
from asicbnn.mapping.layout import layout
from asicbnn.spec.accelerator import Accelerator, with_changes

PLAIN = Accelerator(name="plain")
TILES = {"B": 1, "K": 32, "C": 64, "OY": 4, "OX": 4}


@pytest.mark.parametrize(
    ("name", "inner", "outer"),
    [
        ("output_stationary", "B K OY OX C FY FX BA BW", "B K OY OX C"),
        ("weight_stationary", "B K C FY FX BW OY OX BA", "B K C OY OX"),
        ("input_stationary", "B OY OX C FY FX BA K BW", "B OY OX C K"),
        ("row_stationary", "B K C OX FX OY FY BA BW", "B K C OX OY"),
        ("no_local_reuse", "B K OY OX C FY FX BA BW", "B K OY OX C"),
    ],
)
def test_a_name_stands_for_its_orders(name, inner, outer):
    mapping = named_mapping(PLAIN, name, TILES)
    assert " ".join(mapping.inner) == inner
    assert mapping.outer == tuple((d, TILES[d]) for d in outer.split())
    assert mapping.hold == ((False,) * 3 if name == "no_local_reuse" else (True,) * 3)


def test_every_dataflow_names_each_dimension_once():
    assert len(DATAFLOWS) == 5
    for inner, outer in ORDERS.values():
        assert sorted(inner) == sorted(DIMENSIONS)
        assert sorted(outer) == ["B", "C", "K", "OX", "OY"]


def test_registers_that_hold_nothing_hold_nothing_in_any_dataflow():
    bare = with_changes(PLAIN, {"registers.hold.input": False})
    assert named_mapping(bare, "weight_stationary", TILES).hold == (True, False, True)
    assert named_mapping(bare, "no_local_reuse", TILES).hold == (False, False, False)


def test_whole_tiles_are_rounded_up_to_the_unroll():
    layer = Layer(name="odd", out_channels=33, in_channels=3, in_y=5, in_x=7)
    assert whole_tiles(layout(PLAIN), layer) == {"B": 1, "K": 64, "C": 64, "OY": 5, "OX": 7}
