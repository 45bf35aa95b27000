"""Design points that cost the same share a row, in a terminal and on a page."""

from __future__ import annotations

from asicbnn.report.ties import shared, ties

ROWS = (
    {"point": 1, "technology": "asap7", "dataflow": "a", "energy": 1.0},
    {"point": 2, "technology": "asap7", "dataflow": "b", "energy": 1.0},
    {"point": 3, "technology": "gt2n", "dataflow": "a", "energy": 1.0},
    {"point": 4, "technology": "asap7", "dataflow": "a", "energy": 1.0000001},
)


def test_points_tie_within_a_technology_and_to_the_last_digit():
    tied = ties(ROWS, ["energy"])
    assert [[row["point"] for row in group] for group in tied] == [[1, 2], [3], [4]]


def test_what_names_points_that_tie_is_told_once():
    assert shared(ROWS[:2], ["point", "technology", "dataflow"]) == {
        "point": "1, 2", "technology": "asap7", "dataflow": "a, b", "energy": 1.0,
    }  # fmt: skip
