from __future__ import annotations

from pathlib import Path

import pytest

from asicbnn.model.estimate import estimate
from asicbnn.report.remarks import remarks, worded
from asicbnn.technology.library import names

ROOT = Path(__file__).parents[2]
WIRES = "link wires are assumed as long as the side of a square of the whole area, {} mm; no more"
FLAGS = (
    "SRAM of 8192 x 64 bit is 2 macros",
    "flop is composed of 1 flop_inverting + 1 inverter: none",
    WIRES.format("1.5"),
    "clock_tree_fanout = 16 is assumed: usual",
    "SRAM is scaled from ihp_sg13g2: printed as a factor 2 either way",
    WIRES.format("0.15"),
    "the clock period is limited by the access of store_weight: 1 ps, +-20%",
    "SRAM of 64 x 256 bit is 4 macros",
    "2 layers are not covered: 1 MACs and 1 weights are in no total",
)


def test_the_heaviest_comes_first_and_facts_stand_apart():
    found = remarks(FLAGS)
    assert found.caveats == (
        "2 layers are not covered: 1 MACs and 1 weights are in no total",
        "the clock period is limited by the access of weight store: 1 ps, +-20%",
        "SRAM is scaled from ihp_sg13g2: printed as a factor 2 either way",
        "fan-out of clock trees in memories of cells = 16 is assumed: usual",
        WIRES.format("0.15 to 1.5"),
    )
    assert found.facts == (
        "flip-flop is composed of 1 inverting flip-flop + 1 inverter: none",
        "SRAM of more than one macro: 8192 x 64 bit is 2, 64 x 256 bit is 4",
    )


def test_periods_of_many_designs_are_one_sentence_for_each_limit():
    said = "the clock period is limited by the"
    found = remarks(
        (
            f"{said} address path: 11513 ps, +-2%",
            f"{said} array path: 900 ps, +-3%",
            f"{said} address path: 1634 ps, +-17%",
            f"{said} address path: 11574 ps, +-2%",
            f"{said} access of store_weight: 6390 ps, a factor of 2 either way",
            f"{said} access of store_weight: 6390 ps, +-20%",
        )
    )
    assert found.caveats == (
        f"{said} address path: 1,634 to 11,574 ps, +-2% to +-17%",
        f"{said} array path: 900 ps, +-3%",
        f"{said} access of weight store: 6,390 ps, +-20% or a factor of 2 either way",
    )


def test_sizes_no_memory_was_mapped_at_are_one_sentence():
    bits = "latch memories were mapped at 8 to 512 bits, not at {}: counted from the same cells"
    words = "latch memories were mapped at 4 to 256 words, not at 1: counted from the same cells"
    found = remarks((bits.format("1,024"), words, bits.format("4"), bits.format("528")))
    assert found.caveats == (bits.format("4 or 528 or 1,024"), words)


def test_names_of_the_users_files_stay_as_they_are():
    assert (
        worded("my_flop: flop2, flop.x, store_weights") == "my_flop: flop2, flop.x, store_weights"
    )


@pytest.mark.parametrize("technology", names())
def test_no_internal_name_is_left_in_what_a_reader_sees(technology):
    result = estimate(
        ROOT / "arch_specs/tiny.yaml", ROOT / "workloads/digits_mlp_64_256_256_10.yaml",
        technology=technology,
    )  # fmt: skip
    found = remarks(result.flags)
    text = " ".join((*found.caveats, *found.facts))
    for name in (*names(), "batch_norm"):
        text = text.replace(name, "")
    assert "_" not in text
