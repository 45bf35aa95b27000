"""Runs of place-and-route flows: what is read, what is refused, what becomes of it in a file."""

import json
import math

import pytest
import yaml

from asicbnn.calibration.flow_metrics import read_runs
from asicbnn.calibration.routed_section import fit_runs, with_routed_section
from asicbnn.errors import SpecError
from asicbnn.technology.library import load, names, text_of
from asicbnn.technology.routed_designs import open_designs
from asicbnn.technology.routing import factor_names, routed_factors

SKY = load("sky130hd")
ORFS = {
    "run__flow__design": "ibex",
    "run__flow__platform": "sky130hd",
    "run__flow__uuid": "N/A",
    "floorplan__design__instance__area__stdcell": 130958,
    "globalroute__design__instance__area__stdcell": 184107,
    "finish__design__instance__area__stdcell": 300000,
    "finish__design__core__area": 300783,
    "finish__design__instance__area__macros": 0,
    "globalroute__route__wirelength__estimated": 560140,
    "detailedroute__route__net": 15990,
    "detailedroute__route__wirelength": 744339,
    "floorplan__power__total": 0.0435345,
    "finish__power__total": 0.0993305,
    "finish__design__instance__area__class:multi_input_combinational_cell": 106312,
    "finish__design__instance__area__class:sequential_cell": 50164.4,
    "finish__design__instance__area__class:inverter": 1168.62,
    "finish__design__instance__area__class:clock_buffer": 6038.29,
    "finish__design__instance__area__class:clock_inverter": 1166.12,
    "finish__design__instance__area__class:timing_repair_buffer": 14138.6,
    "finish__design__instance__count__class:sequential_cell": 1932,
}
LIBRELANE = {
    "design__name": "pe",
    "design__instance__area": 1200.0,
    "design__instance__area__stdcell": 1200.0,
    "design__instance__area__macros": 0,
    "design__core__area": 2400.0,
    "design__instance__utilization": 0.5,
    "route__net": 100,
    "route__wirelength": 3000,
    "power__total": 3e-4,
}


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


class TestOpenRoadFlowScripts:
    def test_a_metadata_file_is_a_run(self, tmp_path):
        write(tmp_path / "ibex" / "metadata-base-ok.json", ORFS)
        (run,) = read_runs(tmp_path, "sky130hd")
        shipped = next(d for d in open_designs("sky130hd") if d.name == "ibex")
        for field in ("mapped_area_um2", "placed_area_um2", "core_area_um2", "nets", "wire_um",
                      "steiner_um", "mapped_power_w", "routed_power_w", "clock_sinks"):  # fmt: skip
            assert getattr(run, field) == getattr(shipped, field)
        for field in ("logic_area_um2", "clock_area_um2", "repair_area_um2"):
            assert getattr(run, field) == pytest.approx(getattr(shipped, field), rel=1e-3)

    def test_the_logs_of_the_stages_are_one_run(self, tmp_path):
        files = {"floorplan": "2_1_floorplan", "globalroute": "5_1_grt",
                 "detailedroute": "5_2_route", "finish": "6_report"}  # fmt: skip
        for stage, name in files.items():
            part = {k: v for k, v in ORFS.items() if k.startswith(stage)}
            write(tmp_path / "logs" / "sky130hd" / "ibex" / f"{name}.json", part)
        (run,) = read_runs(tmp_path, "sky130hd")
        assert run.name == "ibex"
        assert run.wire_um == 744339
        assert run.mapped_power_w == 0.0435345

    def test_several_designs_in_one_folder_stay_apart(self, tmp_path):
        for name in ("a", "b"):
            write(tmp_path / f"{name}.json", {**ORFS, "run__flow__design": name})
        assert [run.name for run in read_runs(tmp_path, "sky130hd")] == ["a", "b"]

    def test_old_runs_state_utilisation_in_percent_and_no_core(self, tmp_path):
        old = {k: v for k, v in ORFS.items() if "core" not in k}
        write(tmp_path / "m.json", {**old, "globalroute__design__instance__utilization": 61.0})
        (run,) = read_runs(tmp_path, "sky130hd")
        assert run.core_area_um2 == pytest.approx(184107 / 0.61)

    def test_synthesis_counts_macros_among_the_cells_so_it_is_not_asked(self, tmp_path):
        some = {k: v for k, v in ORFS.items() if not k.startswith("floorplan__design")}
        some["synth__design__instance__area__stdcell"] = 500.0
        write(tmp_path / "plain.json", some)
        write(tmp_path / "z.json", {**some, "finish__design__instance__area__macros": 300.0})
        plain, with_macros = read_runs(tmp_path, "sky130hd")
        assert {plain.mapped_area_um2, with_macros.mapped_area_um2} == {500.0, None}


class TestLibreLane:
    def test_a_run_with_the_states_of_its_steps(self, tmp_path):
        write(tmp_path / "RUN_1" / "final" / "metrics.json", LIBRELANE)
        for step, key, value in (
            ("05-yosys-synthesis", "design__instance__area", 1000.0),
            ("12-openroad-staprepnr", "power__total", 2e-4),
        ):
            write(tmp_path / "RUN_1" / step / "state_out.json", {"metrics": {key: value}})
        (run,) = read_runs(tmp_path, "sky130hd")
        assert run.name == "pe"
        assert run.placed_area_um2 / run.mapped_area_um2 == pytest.approx(1.2)
        assert run.routed_power_w / run.mapped_power_w == pytest.approx(1.5)

    def test_metrics_alone_say_nothing_of_the_mapped_netlist(self, tmp_path):
        write(tmp_path / "metrics.json", LIBRELANE)
        (run,) = read_runs(tmp_path, "sky130hd")
        assert run.mapped_area_um2 is None
        assert run.wire_um == 3000

    def test_fill_cells_are_not_cells_that_were_placed(self, tmp_path):
        filled = {**LIBRELANE, "design__instance__area__class:fill_cell": 200.0}
        write(tmp_path / "metrics.json", filled)
        assert read_runs(tmp_path, "sky130hd")[0].placed_area_um2 == 1000.0
        write(tmp_path / "metrics.json", {**LIBRELANE, "design__instance__utilization": 0.98})
        assert read_runs(tmp_path, "sky130hd")[0].placed_area_um2 is None


class TestRefused:
    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            ('{"finish__power__total": 1,\n "floorplan__', r"m.json:2:2: not JSON: "),
            ("[1, 2]", "metrics must be one object of names and numbers"),
            ({**ORFS, "finish__power__total": "much"}, "expected a number >= 0, got 'much'"),
            ({**ORFS, "finish__power__total": -1.0}, "expected a number >= 0, got -1.0"),
            ({**ORFS, "finish__power__total": math.nan}, "expected a number >= 0, got nan"),
            ({**ORFS, "detailedroute__route__net": True}, "expected a number >= 0, got True"),
            ({**ORFS, "run__flow__platform": "asap7"}, "a run of asap7, not of sky130hd"),
            ({"finish__x": 1, "floorplan__x": 2}, "states none of the areas, lengths and powers"),
        ],
    )
    def test_a_file_that_cannot_be_used_is_named(self, tmp_path, content, sentence):
        write(tmp_path / "m.json", content)
        with pytest.raises(SpecError) as told:
            read_runs(tmp_path, "sky130hd")
        assert sentence in str(told.value)
        assert "m.json" in str(told.value)

    def test_a_folder_without_runs(self, tmp_path):
        write(tmp_path / "config.json", {"DESIGN_NAME": "pe"})
        with pytest.raises(SpecError, match="no finished run of a flow was found"):
            read_runs(tmp_path, "sky130hd")
        with pytest.raises(SpecError, match="no such folder of metrics"):
            read_runs(tmp_path / "none", "sky130hd")


class TestFit:
    def test_many_runs_have_their_own_spread_and_few_that_of_the_open_designs(self, tmp_path):
        for n in range(4):
            run = {**ORFS, "detailedroute__route__wirelength": 744339 * 1.01**n}
            write(tmp_path / f"{n}.json", {**run, "run__flow__design": f"d{n}"})
        runs = read_runs(tmp_path, "sky130hd")
        prior = routed_factors(SKY).control_spacings.relative_error
        assert fit_runs(SKY, runs).fitted["control_spacings"].relative_error < 0.05
        for few in (runs[:1], runs[:3]):
            assert fit_runs(SKY, few).fitted["control_spacings"].relative_error == prior

    def test_the_open_designs_fit_to_what_is_shipped(self):
        fit = fit_runs(SKY, open_designs("sky130hd"))
        for name in ("growth", "power_ratio"):
            assert fit.fitted[name].value == pytest.approx(getattr(fit.before, name).value)


@pytest.mark.parametrize("name", names())
class TestSection:
    def fit(self, name, tmp_path):
        platform = {k: v for k, v in ORFS.items() if k != "run__flow__platform"}
        write(tmp_path / "ibex.json", platform)
        technology = load(name)
        return fit_runs(technology, read_runs(tmp_path, name))

    def test_it_is_what_the_technology_says_from_then_on(self, name, tmp_path):
        fit = self.fit(name, tmp_path)
        target = tmp_path / "mine.yaml"
        target.write_text(with_routed_section(text_of(name), name, fit))
        factors = routed_factors(load(target))
        for factor in factor_names():
            assert getattr(factors, factor).value == pytest.approx(
                fit.fitted[factor].value, rel=1e-4
            )

    def test_nothing_else_of_the_file_changes(self, name, tmp_path):
        before = text_of(name)
        after = with_routed_section(before, name, self.fit(name, tmp_path))
        assert set(before.splitlines()) <= set(after.splitlines())
        tree, changed = yaml.safe_load(before), yaml.safe_load(after)
        assert changed.pop("routed")["runs"] == 1
        assert "ibex" in changed["sources"].pop("flow_runs")
        assert changed == tree

    def test_a_second_fit_replaces_the_first(self, name, tmp_path):
        fit = self.fit(name, tmp_path)
        once = with_routed_section(text_of(name), name, fit)
        assert with_routed_section(once, name, fit) == once
