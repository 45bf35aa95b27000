"""The calibrations of memories that are shipped: tables held against the factors in use."""

from __future__ import annotations

import csv
import math
import statistics
from pathlib import Path

import pytest

from asicbnn.calibration.memory_factors import READS
from asicbnn.technology.library import load
from asicbnn.technology.row_memory import row_memory
from asicbnn.technology.row_read import price_in_order
from asicbnn.technology.standard_cell_memory import counted_costs

TABLES = Path(__file__).parents[2] / "docs/models/calibration"
LIBRARIES = ("sky130hd", "ihp_sg13g2", "asap7")
UNUSED = "random_writes"
"""Writes at random are measured and enter no estimate."""


def rows(library):
    with (TABLES / f"{library}_memories.csv").open(encoding="utf-8") as table:
        return tuple(row for row in csv.DictReader(table) if row["metric"] != UNUSED)


def spread(library, row):
    entry = load(library).cell_memories[row["rows"]]
    if row["metric"] in READS:
        return entry.reads[READS[row["metric"]]].spread
    return getattr(entry, row["metric"]).spread


def is_inside(library, row):
    ratio = float(row["measured"]) / float(row["estimated"])
    return abs(math.log(ratio)) <= math.log1p(spread(library, row)) + 1e-5


@pytest.mark.parametrize("library", LIBRARIES)
def test_what_a_table_says_of_reads_is_what_is_estimated(library):
    technology = load(library)
    for row in rows(library):
        if row["metric"] not in READS:
            continue
        memory = row_memory(row["rows"], int(row["words"]), int(row["word_bits"]))
        counted = counted_costs(technology, memory).reads[row["order"]]
        entry = technology.cell_memories[row["rows"]]
        price = price_in_order(entry, row["order"], memory.words, counted)
        assert price.energy_fj == pytest.approx(float(row["estimated"]), rel=5e-4)


@pytest.mark.parametrize("library", LIBRARIES)
def test_intervals_of_memories_hold_what_they_promise(library):
    """90 to 99 % inside, of all metrics that are fitted and of reads by themselves."""
    judged = [row for row in rows(library) if row["half"] == "judged"]
    fitted = [row for row in judged if row["metric"] != "idle_energy"]  # the library's own figure
    reads = [row for row in fitted if row["metric"] in READS]
    assert len(reads) > len(fitted) / 4
    for some in (fitted, reads):
        assert statistics.fmean(is_inside(library, row) for row in some) >= 0.90
        assert statistics.median(spread(library, row) for row in some) <= 0.15
