from __future__ import annotations

import io
from dataclasses import dataclass

import synthetic
from rich.console import Console

from asicbnn.report import tables
from asicbnn.result import METRICS, LayerResult, Result


@dataclass(frozen=True)
class Skipped:
    name: str = "lrn[1]"
    op: str = "lrn"
    reason: str = "no such unit"
    weights: int = 0
    macs: int = 12


def shown(renderable, width=100):
    stream = io.StringIO()
    Console(file=stream, width=width, color_system=None).print(renderable)
    return stream.getvalue()


def a_result():
    table = synthetic.layer_table(3)
    layers = tuple(
        LayerResult(f"[bold]{row['layer']}", {k: v for k, v in row.items() if k in METRICS})
        for row in table.to_dict("records")
    )
    totals = synthetic.rows(1).iloc[0].to_dict()
    return Result("edge[64]", "net", "sky130hd", "0", totals, layers, (Skipped(),), ("assumed",))


def test_names_are_shown_as_they_are():
    text = shown(tables.result_tables(a_result()))
    assert "edge[64] runs net in sky130hd" in text
    assert "[bold]fc1" in text
    assert "lrn[1]" in text


def test_numbers_are_never_cut_at_a_hundred_columns():
    assert "…" not in shown(tables.result_tables(a_result()))


def test_logic_and_memory_have_sums_of_their_own():
    lines = shown(tables.result_tables(a_result())).splitlines()
    starts = [line.split()[0] for line in lines if line.strip()]
    assert starts.index("logic") < starts.index("memory") < starts.index("leakage")
    assert any(line.startswith("not covered: 1 layer, in no total above") for line in lines)
    assert "note  assumed" in lines


def test_columns_state_their_unit():
    text = shown(tables.result_tables(a_result()))
    assert "latency [ms]" in text
    assert "energy [uJ]" in text


def test_points_share_one_unit_per_column():
    rows = [
        {"accelerator": "a", "energy_fj": 2e9, "cycles": 5},
        {"accelerator": "b", "energy_fj": 5e6, "cycles": 7},
        {"accelerator": "c"},
    ]
    lines = shown(tables.points(rows, ["accelerator", "energy_fj", "cycles"], "t")).splitlines()
    assert lines[1].split() == ["accelerator", "energy", "[uJ]", "cycles"]
    assert [line.split() for line in lines[2:]] == [
        ["a", "2", "5"],
        ["b", "0.00500", "7"],
        ["c", "-", "-"],
    ]


def test_differences_stand_out():
    text = shown(
        tables.differences(
            [
                ("fc1", "cycles", 7, 7),
                ("fc1", "reads", 5, 8),
                ("fc1", "writes", 0, 0),
                ("fc2", "x", "a", "b"),
            ]
        )
    )
    assert [line.split() for line in text.splitlines()[2:]] == [
        ["fc1", "cycles", "7", "7", "0"],
        ["reads", "5", "8", "+3"],
        ["fc2", "x", "a", "b", "differ"],
    ]


def test_many_reasons_are_counted_not_listed():
    text = shown(tables.reasons({f"r{i}": 20 - i for i in range(15)}, "refused"))
    assert "... and 5 other reasons" in text
    assert text.splitlines()[2].split() == ["r0", "20"]
