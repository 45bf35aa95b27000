"""The table of wires of an estimate at level routed."""

from pathlib import Path

import pytest
from rich.console import Console

import asicbnn
from asicbnn.report.wire_table import wires
from asicbnn.spec.accelerator import Accelerator, with_changes
from asicbnn.spec.reader import read

ROOT = Path(__file__).parents[2]
TINY = read(ROOT / "arch_specs/tiny.yaml", Accelerator)
OUTSIDE = with_changes(TINY, {"store.kind": "external", "store.external": {"standard": "lpddr4"}})
DIGITS = ROOT / "workloads/digits_mlp_64_256_256_10.yaml"


def rows(table):
    text = "".join(segment.text for segment in Console(width=120).render(table))
    lines = [line.split() for line in text.splitlines() if line.strip()]
    return lines[2:]  # title and headings


def test_an_estimate_without_floorplan_has_none():
    assert wires(asicbnn.estimate(TINY, DIGITS)) is None


@pytest.mark.parametrize("accelerator", [TINY, OUTSIDE], ids=["store", "external"])
def test_shares_are_those_of_the_clock_tree_and_every_term_that_only_routed_has(accelerator):
    """Together they are what the tree and the new terms of the breakdown take."""
    cell, routed = (
        asicbnn.estimate(accelerator, DIGITS, level=level) for level in ("cell", "routed")
    )
    terms = routed.breakdowns["energy_terms_fj"]
    new = set(terms) - set(cell.breakdowns["energy_terms_fj"])
    new |= {name for name in terms if name.startswith(("link ", "clock tree"))}
    expected = sum(terms[name] for name in new) / sum(terms.values())
    shares = [float(row[-1]) for row in rows(wires(routed))]
    assert sum(shares) == pytest.approx(expected, abs=0.0005 * len(shares))


def test_longest_nets_come_first():
    routed = asicbnn.estimate(TINY, DIGITS, level="routed")
    lengths = sorted(routed.breakdowns["wire_um"].values(), reverse=True)
    shown = [float(row[-2].replace(",", "")) for row in rows(wires(routed))]
    assert shown == pytest.approx([um / 1000 for um in lengths], rel=0.01)
