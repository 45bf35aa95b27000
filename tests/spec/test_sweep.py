"""Sweep files and what they expand to."""

from __future__ import annotations

from pathlib import Path

import pytest

from asicbnn.errors import SpecError
from asicbnn.spec.accelerator import Accelerator
from asicbnn.spec.beside import beside
from asicbnn.spec.reader import read, read_text
from asicbnn.spec.sweep import Sweep, expand

SPECS = Path(__file__).parents[2] / "arch_specs"
HEAD = "name: s\naccelerator: a.yaml\nworkloads: [w.yaml]\n"


def complaint(text: str) -> str:
    """Return what the reader says about a sweep, as printed."""
    with pytest.raises(SpecError) as caught:
        read_text(HEAD + text, Sweep, "f.yaml")
    return str(caught.value)


def base(text: str = "") -> Accelerator:
    return read_text(f"name: x\n{text}", Accelerator)


def test_points_are_the_product_of_all_axes_in_order() -> None:
    sweep = read_text(
        HEAD + "technologies: [sky130hd, asap7]\ndataflows: [best, weight_stationary]\n"
        "axes: {array.unroll.out_channels: [16, 32], buffers.weight.words: [128]}\n",
        Sweep,
    )
    expansion = expand(sweep, base())
    assert sweep.count == len(expansion.points) == 8
    assert expansion.skipped == ()
    assert [point.index for point in expansion.points] == list(range(8))
    assert expansion.points[1].changes == {
        "technology": "sky130hd",
        "dataflow": "best",
        "array.unroll.out_channels": 32,
        "buffers.weight.words": 128,
    }
    last = expansion.points[-1].accelerator
    assert (last.technology, last.dataflow, last.array.unroll.out_channels) == (
        "asap7",
        "weight_stationary",
        32,
    )


def test_no_axes_is_the_accelerator_itself() -> None:
    expansion = expand(read_text(HEAD, Sweep), base())
    assert [point.accelerator for point in expansion.points] == [base()]


def test_illegal_points_are_skipped_with_their_reason() -> None:
    sweep = read_text(HEAD + "axes: {array.unroll.out_channels: [16, 24, 32]}\n", Sweep)
    expansion = expand(sweep, base())
    assert [point.index for point in expansion.points] == [0, 2]
    (skipped,) = expansion.skipped
    assert (skipped.index, skipped.changes) == (1, {"array.unroll.out_channels": 24})
    assert skipped.reason.startswith("array.unroll.out_channels: 24 does not nest")


def test_a_mapping_moves_several_fields_together() -> None:
    text = "axes: {array.unroll: [{out_channels: 16, in_channels: 32}, {out_channels: 8}]}\n"
    points = expand(read_text(HEAD + text, Sweep), base()).points
    shapes = [(p.accelerator.array.unroll.pes, p.accelerator.array.unroll.lanes) for p in points]
    assert shapes == [(16, 32), (8, 64)]


@pytest.mark.parametrize(
    ("text", "said", "cure"),
    [
        ("axes: {array.unroll.out_chanels: [8]}",
         "axes.array.unroll.out_chanels: an accelerator has no such field",
         "did you mean 'array.unroll.out_channels'?"),
        ("axes: {speed: [8]}", "axes.speed: an accelerator has no such field",
         "see `asicbnn schema accelerator`"),
        ("axes: {name: [a]}", "axes.name: the name cannot be an axis", ""),
        ("axes: {engines: [1, 2]}", "axes.engines[1]: 2 is not yet built", ""),
        ("axes: {store.link.bits: [64, 0]}",
         "axes.store.link.bits[1]: expected an integer from 1 to 65536 [bit], got 0", ""),
        ("axes: {store.link.bits: [010]}", "axes.store.link.bits[0]: expected an integer",
         "write 10"),
        ("axes: {store.link.bits: [64 bit]}", "axes.store.link.bits[0]: expected an integer",
         "the unit is part of the key and is [bit]"),
        ("axes: {array.unroll: [{out_channels: 0}]}",
         "axes.array.unroll[0]: out_channels: expected an integer", ""),
        ("axes: {store.link.bits: [64, 64]}",
         "axes.store.link.bits[1]: this value is in the list already", "delete it"),
        ("axes: {store.link.bits: []}",
         "axes.store.link.bits: expected a list with 1 to 10000 entries, got an empty list", ""),
        ("axes: {store.link.bits: 64}",
         "axes.store.link.bits: expected a list with 1 to 10000 entries, got 64", "write [64]"),
        ("technologies: [a]\naxes: {technology: [b]}",
         "axes.technology: technologies is given too", "delete one of them"),
        ("technologies: [a, a]", "technologies[1]: 'a' is in the list already", "delete it"),
        ("dataflows: [weight]", "dataflows[0]: expected output_stationary,", ""),
        ("objective: power", "objective: expected energy, latency or edp, got 'power'", ""),
        ("batch: 0", "batch: expected an integer from 1 to 4096 [images], got 0", ""),
        ((f"axes: {{buffers.weight.words: {list(range(2, 4002, 2))},"
         f" buffers.psum.words: {list(range(1000))}}}"),
         "axes: 2,000,000 accelerators, but a sweep may have 1,000,000", "shorten an axis"),
    ],
)  # fmt: skip
def test_wrong_sweeps(text: str, said: str, cure: str) -> None:
    printed = complaint(text)
    assert said in printed
    assert cure in printed


def test_axes_are_checked_though_other_keys_are_wrong() -> None:
    with pytest.raises(SpecError) as caught:
        read_text("name: a b\nworkloads: []\naxes: {engines: [2]}\n", Sweep)
    assert [p.path for p in caught.value.problems] == [
        "accelerator", "name", "workloads", "axes.engines[0]",
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "fewest"), [("digits_sweep", 200), ("binarynet_sweep", 50)])
def test_shipped_sweeps_hold_legal_points_in_three_technologies(name: str, fewest: int) -> None:
    file = SPECS / f"{name}.yaml"
    sweep = read(file, Sweep)
    expansion = expand(sweep, read(beside(file, sweep.accelerator), Accelerator))
    assert len(expansion.points) >= fewest
    assert {p.accelerator.technology for p in expansion.points} == {
        "sky130hd", "asap7", "ihp_sg13g2",
    }  # fmt: skip
    assert f"{len(expansion.points)} accelerators" in file.read_text()
