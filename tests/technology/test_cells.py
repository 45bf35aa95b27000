import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.errors import ModelError
from asicbnn.technology.cells import OUTPUTS, ROLES, Cells

counts = st.dictionaries(st.sampled_from(ROLES), st.integers(0, 10**9)).map(lambda d: Cells(**d))


def test_counts_read_as_attribute_and_as_mapping():
    cells = Cells(nand2=3, flop=2)
    assert (cells.nand2, cells["flop"], cells["xor2"], cells.total) == (3, 2, 0, 5)
    assert dict(cells) == {"nand2": 3, "flop": 2}
    assert "nand2" in cells
    assert "xor2" not in cells
    assert "total" not in cells
    assert Cells(**cells) == cells


@given(counts, counts, st.integers(0, 1000))
def test_addition_and_repetition_are_those_of_counts(one, other, copies):
    both = one + other
    assert all(both[role] == one[role] + other[role] for role in ROLES)
    assert both == other + one
    assert both.total == one.total + other.total
    assert (one * copies)["flop"] == copies * one.flop
    assert (
        copies * one
        == one * copies
        == sum([one] * min(copies, 3), Cells()) + one * max(0, copies - 3)
    )
    assert hash(one + other) == hash(other + one)


def test_cells_are_frozen():
    with pytest.raises(AttributeError):
        Cells(nand2=1).nand2 = 2  # type: ignore[misc]


def test_an_unknown_role_is_a_key_error():
    with pytest.raises(KeyError, match="nand3"):
        Cells()["nand3"]


def test_a_negative_count_is_refused():
    with pytest.raises(ModelError, match=r"^cells\.nand2 must be an integer >= 0, not -1$"):
        Cells(nand2=-1)
    with pytest.raises(ModelError):
        Cells(nand2=1) * -1


def test_cells_do_not_repeat_by_halves():
    with pytest.raises(TypeError):
        Cells(nand2=2) * 0.5  # type: ignore[operator]


def test_adders_have_two_outputs():
    assert {role for role, outputs in OUTPUTS.items() if outputs == 2} == {
        "full_adder",
        "half_adder",
    }
