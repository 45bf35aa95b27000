from __future__ import annotations

import dataclasses
import io
from dataclasses import dataclass

import pytest
import synthetic
from rich.console import Console

from asicbnn.report import results, tables
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
    text = shown(results.result_tables(a_result()))
    assert "edge[64] runs the covered layers of net in" in text
    assert "[bold]fc1" in text
    assert "lrn[1]" in text


def test_numbers_are_never_cut_at_a_hundred_columns():
    assert "…" not in shown(results.result_tables(a_result()))


def test_logic_and_memory_have_sums_of_their_own():
    lines = shown(results.result_tables(a_result())).splitlines()
    starts = [line.split()[0] for line in lines if line.strip()]
    assert starts.index("logic") < starts.index("memory") < starts.index("leakage")
    assert any(line.startswith("not covered: 1 layer, in no total above") for line in lines)
    assert "note  assumed" in lines


def test_columns_state_their_unit():
    text = shown(results.result_tables(a_result()))
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


def test_power_of_the_parts_adds_up_to_the_power_of_the_whole():
    result = a_result()
    lines = shown(results.result_tables(result)).splitlines()
    heading = next(line for line in lines if line.startswith("part "))
    assert "power [mW]" in heading
    first = lines.index(heading)
    rows = [line.split() for line in lines[first : lines.index("", first)]]
    cells = {row[0]: row for row in rows}
    link, io, leakage = (float(cells[name][-1]) for name in ("link", "io", "leakage"))
    logic, memory = (float(cells[name][3]) for name in ("logic", "memory"))
    outside = result.totals["external_energy_fj"]
    assert outside == 0
    whole = result.totals["power_mw"]
    assert logic + memory + link + io + leakage == pytest.approx(whole, rel=0.01)


def test_costs_of_a_dataflow_add_up_to_its_energy():
    parts = [name for name in tables._FLOW_COSTS if name.endswith("_energy_fj")]
    totals = a_result().totals
    assert sum(totals[name] for name in parts) == pytest.approx(totals["energy_fj"])


def test_every_access_a_machine_counts_is_in_a_table():
    counted = {name for name, m in METRICS.items() if m.unit in ("access", "word")}
    assert {*tables.ACCESS_COLUMNS, *tables.STORE_COLUMNS} == counted


def test_splits_of_energy_are_shown_with_shares():
    split = {"energy_operands_fj": {"weight": 3e9, "shared": 1e9}}
    text = shown(results.result_tables(dataclasses.replace(a_result(), breakdowns=split)))
    lines = text[text.index("energy by operand") :].splitlines()
    assert [line.split() for line in lines[2:4]] == [
        ["weight", "3", "0.750"],
        ["shared", "1", "0.250"],
    ]


def test_dead_bits_are_shown_beside_what_is_written():
    split = {"written_bits": {"weight_buffer": 4096.0}, "dead_bits": {"weight_buffer": 1024.0}}
    text = shown(results.result_tables(dataclasses.replace(a_result(), breakdowns=split)))
    lines = text[text.index("bits written") :].splitlines()
    assert lines[2].split() == ["weight", "buffer", "4,096", "1,024", "0.250"]


def test_points_that_tie_share_a_row():
    rows = [
        {"point": 1, "technology": "a", "dataflow": "x", "cycles": 5},
        {"point": 2, "technology": "a", "dataflow": "y", "cycles": 5},
        {"point": 3, "technology": "b", "dataflow": "x", "cycles": 5},
        {"point": 4, "technology": "b", "dataflow": "x", "cycles": 6},
    ]
    columns = ["point", "technology", "dataflow", "cycles"]
    lines = shown(tables.front(rows, columns, "t", words=3, most=2)).splitlines()
    assert [line.split() for line in lines[2:4]] == [
        ["1,", "2", "a", "x,", "y", "5"],
        ["3", "b", "x", "5"],
    ]
    assert lines[4] == "points that cost exactly the same share a row"
    assert lines[5] == "... and 1 more points on the front"
