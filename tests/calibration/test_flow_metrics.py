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
AES256 = {  # LibreLane, motkhonghai/aes256-sky130 at 02881ed2, final/metrics.json
    "design__instance__area": 606902,
    "power__total": 0.13529200851917267,
    "timing__setup__ws": -7.525461355966488,
    "design__core__area": 606902,
    "design__instance__area__stdcell": 335131,
    "design__instance__area__macros": 0,
    "design__instance__utilization": 0.5522,
    "design__rows:unithd": 286,
    "design__instance__area__class:inverter": 912.125,
    "design__instance__area__class:sequential_cell": 51428.1,
    "design__instance__area__class:multi_input_combinational_cell": 192649,
    "design__instance__area__class:fill_cell": 271771,
    "design__instance__area__class:tap_cell": 10810.4,
    "design__instance__area__class:timing_repair_buffer": 72353.1,
    "design__instance__area__class:clock_buffer": 5532.81,
    "design__instance__area__class:clock_inverter": 908.371,
    "design__instance__area__class:antenna_cell": 538.016,
    "design__instance__count__class:sequential_cell": 2323,
    "floorplan__design__io": 520,
    "route__wirelength__estimated": 1491630,
    "route__net": 30251,
    "route__wirelength": 1758560,
}
CHIP = {  # LibreLane, AvalonSemiconductors/as2650-ws at 5a46d0d5: macros in a ring of pads
    "design__instance__area": 9718600,
    "power__total": 0.08394565433263779,
    "design__core__area": 12902000,
    "design__instance__area__stdcell": 504100,
    "design__instance__area__macros": 3943500,
    "design__instance__utilization": 0.344722,
    "design__instance__area__class:macro": 3943500,
    "design__instance__area__class:endcap_cell": 504100,
    "route__net": 669,
    "route__wirelength": 1765424,
}
OF_2021 = {  # OpenROAD-flow-scripts, sky130hd/gcd at 3bf5cad5, metadata-ok.json
    "run__flow__design": "gcd",
    "run__flow__platform": "sky130hd",
    "floorplan__inst__area__stdcell": 1989,
    "floorplan__inst__area__util": "3%",
    "detailedroute__wirelength": 13173,
    "finish__power__total": 1.81e-09,
    "finish__area": "67865",
}


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


class TestOpenRoadFlowScripts:
    def test_a_metadata_file_is_a_run(self, tmp_path):
        write(tmp_path / "ibex" / "metadata-base-ok.json", ORFS)
        (run,) = read_runs(tmp_path, "sky130hd").designs
        shipped = next(d for d in open_designs("sky130hd") if d.name == "ibex")
        for field in ("mapped_area_um2", "placed_area_um2", "core_area_um2", "nets", "wire_um",
                      "half_perimeter_um", "mapped_power_w", "routed_power_w",
                      "clock_sinks"):  # fmt: skip
            assert getattr(run, field) == getattr(shipped, field)
        for field in ("logic_area_um2", "clock_area_um2", "repair_area_um2"):
            assert getattr(run, field) == pytest.approx(getattr(shipped, field), rel=1e-3)

    def test_the_logs_of_the_stages_are_one_run(self, tmp_path):
        files = {"floorplan": "2_1_floorplan", "globalroute": "5_1_grt",
                 "detailedroute": "5_2_route", "finish": "6_report"}  # fmt: skip
        for stage, name in files.items():
            part = {k: v for k, v in ORFS.items() if k.startswith(stage)}
            write(tmp_path / "logs" / "sky130hd" / "ibex" / f"{name}.json", part)
        (run,) = read_runs(tmp_path, "sky130hd").designs
        assert run.name == "ibex"
        assert run.wire_um == 744339
        assert run.mapped_power_w == 0.0435345

    def test_several_designs_in_one_folder_stay_apart(self, tmp_path):
        for name in ("a", "b"):
            write(tmp_path / f"{name}.json", {**ORFS, "run__flow__design": name})
        assert [run.name for run in read_runs(tmp_path, "sky130hd").designs] == ["a", "b"]

    def test_old_runs_state_utilisation_in_percent_and_no_core(self, tmp_path):
        old = {k: v for k, v in ORFS.items() if "core" not in k}
        write(tmp_path / "m.json", {**old, "globalroute__design__instance__utilization": 61.0})
        (run,) = read_runs(tmp_path, "sky130hd").designs
        assert run.core_area_um2 == pytest.approx(184107 / 0.61)

    def test_synthesis_counts_macros_among_the_cells_so_it_is_not_asked(self, tmp_path):
        some = {k: v for k, v in ORFS.items() if not k.startswith("floorplan__design")}
        some["synth__design__instance__area__stdcell"] = 500.0
        write(tmp_path / "plain.json", some)
        write(tmp_path / "z.json", {**some, "finish__design__instance__area__macros": 300.0})
        plain, with_macros = read_runs(tmp_path, "sky130hd").designs
        assert {plain.mapped_area_um2, with_macros.mapped_area_um2} == {500.0, None}


class TestLibreLane:
    def test_a_run_with_the_states_of_its_steps(self, tmp_path):
        write(tmp_path / "RUN_1" / "final" / "metrics.json", LIBRELANE)
        for step, key, value in (
            ("05-yosys-synthesis", "design__instance__area", 1000.0),
            ("12-openroad-staprepnr", "power__total", 2e-4),
        ):
            write(tmp_path / "RUN_1" / step / "state_out.json", {"metrics": {key: value}})
        (run,) = read_runs(tmp_path, "sky130hd").designs
        assert run.name == "pe"
        assert run.placed_area_um2 / run.mapped_area_um2 == pytest.approx(1.2)
        assert run.routed_power_w / run.mapped_power_w == pytest.approx(1.5)

    def test_metrics_alone_say_nothing_of_the_mapped_netlist(self, tmp_path):
        write(tmp_path / "metrics.json", LIBRELANE)
        (run,) = read_runs(tmp_path, "sky130hd").designs
        assert run.mapped_area_um2 is None
        assert run.wire_um == 3000

    def test_fill_cells_are_not_cells_that_were_placed(self, tmp_path):
        logic = {"design__instance__area__class:multi_input_combinational_cell": 1000.0}
        filled = {**LIBRELANE, **logic, "design__instance__area__class:fill_cell": 200.0}
        write(tmp_path / "metrics.json", filled)
        assert read_runs(tmp_path, "sky130hd").designs[0].placed_area_um2 == 1000.0
        write(tmp_path / "metrics.json", {**LIBRELANE, "design__instance__utilization": 0.98})
        assert read_runs(tmp_path, "sky130hd").designs[0].placed_area_um2 is None


    def test_a_run_as_librelane_leaves_it_keeps_one_metric_of_a_stage(self, tmp_path):
        write(tmp_path / "aes" / "final" / "metrics.json", AES256)
        (run,) = read_runs(tmp_path, "sky130hd").designs
        assert run.name == "aes"
        assert run.placed_area_um2 == 335131  # 0.5522 of the core: fill is not in it
        assert run.logic_area_um2 == pytest.approx(244989, rel=1e-5)

    @pytest.mark.parametrize(
        ("where", "beside", "name"),
        [
            ("tt/runs/RUN_2/final/metrics.json", {}, "tt"),
            ("tt/runs/RUN_2/final/metrics.json", {"resolved.json": {"DESIGN_NAME": "top"}}, "top"),
            ("tt/final/metrics.json", {"config.json": {"DESIGN_NAME": "core"}}, "core"),
            ("tt/final/metrics.json", {"config.json": "no: json"}, "tt"),
            ("mine.json", {}, "mine"),
        ],
    )
    def test_the_design_is_called_as_its_configuration_or_its_folder(
        self, tmp_path, where, beside, name
    ):
        path = write(tmp_path / where, AES256)
        for file, content in beside.items():
            write(path.parent.parent / file, content)
        assert [run.name for run in read_runs(tmp_path, "sky130hd").designs] == [name]

    def test_the_library_it_was_mapped_to_is_stated_beside_it(self, tmp_path):
        rows = {k: v for k, v in AES256.items() if "rows" not in k}
        write(tmp_path / "final" / "metrics.json", rows)
        told = {"PDK": "ihp-sg13g2", "STD_CELL_LIBRARY": "sg13g2_stdcell"}
        write(tmp_path / "resolved.json", told)
        assert len(read_runs(tmp_path, "ihp_sg13g2").designs) == 1
        with pytest.raises(SpecError, match="of sg13g2_stdcell, not of sky130hd"):
            read_runs(tmp_path, "sky130hd")


class TestLeftOut:
    def reasons(self, folder, technology="sky130hd"):
        runs = read_runs(folder, technology)
        assert [run.name for run in runs.designs] == ["ibex"]
        return {each.run: each.reason for each in runs.left_out}

    def test_nothing_of_what_is_no_run(self, tmp_path):
        write(tmp_path / "ibex.json", ORFS)
        rules = {"finish__design__instance__area": {"value": 177762, "compare": "<="}}
        write(tmp_path / "rules-base.json", {"synth__design__instance__area__stdcell": {}, **rules})
        write(tmp_path / "autotuner.json", {"_SDC_FILE_PATH": "constraint.sdc"})
        assert self.reasons(tmp_path) == {}

    def test_runs_of_other_libraries(self, tmp_path):
        write(tmp_path / "ibex.json", ORFS)
        write(tmp_path / "gf180" / "metadata.json", {**ORFS, "run__flow__platform": "gf180"})
        other = {k: v for k, v in AES256.items() if "rows" not in k}
        write(tmp_path / "fir" / "metrics.json", {**other, "design__rows:GF018hv5v_mcu_sc7": 151})
        assert self.reasons(tmp_path) == {
            "gf180/metadata.json": "of gf180, not of sky130hd",
            "fir/metrics.json": "its rows are of GF018hv5v_mcu_sc7, those of sky130hd of unithd",
        }

    def test_logs_say_by_their_folder_what_they_are_of(self, tmp_path):
        write(tmp_path / "ibex.json", ORFS)
        for name, stage in (("2_1_floorplan", "floorplan"), ("6_report", "finish")):
            part = {k: v for k, v in ORFS.items() if k.startswith(stage)}
            write(tmp_path / "logs" / "gf180" / "jpeg" / "base" / f"{name}.json", part)
        assert self.reasons(tmp_path) == {"logs/gf180/jpeg/base": "of gf180, not of sky130hd"}

    def test_runs_that_stopped_on_the_way(self, tmp_path):
        write(tmp_path / "ibex.json", ORFS)
        for name, stage in (("2_1_floorplan", "floorplan"), ("5_1_grt", "globalroute")):
            part = {k: v for k, v in ORFS.items() if k.startswith(stage)}
            write(tmp_path / "jpeg" / f"{name}.json", part)
        assert self.reasons(tmp_path) == {"jpeg": "not finished, the last stage is globalroute"}

    def test_a_run_found_by_its_logs_and_by_its_report(self, tmp_path):
        files = {"floorplan": "2_1_floorplan", "globalroute": "5_1_grt",
                 "detailedroute": "5_2_route", "finish": "6_report"}  # fmt: skip
        for stage, name in files.items():
            part = {k: v for k, v in ORFS.items() if k.startswith(stage)}
            write(tmp_path / "logs" / "sky130hd" / "ibex" / "base" / f"{name}.json", part)
        write(tmp_path / "reports" / "sky130hd" / "ibex" / "base" / "metadata.json", ORFS)
        reason = "the same figures as another run of ibex"
        assert self.reasons(tmp_path) == {"reports/sky130hd/ibex/base/metadata.json": reason}

    def test_runs_that_say_nothing(self, tmp_path):
        write(tmp_path / "ibex.json", ORFS)
        write(tmp_path / "gcd.json", OF_2021)
        write(tmp_path / "chip" / "metrics.json", CHIP)
        reasons = self.reasons(tmp_path)
        assert reasons["gcd.json"].startswith("it states none of the areas, lengths and powers")
        assert reasons["chip/metrics.json"].startswith("its cells are macros, pads and fill")

    def test_what_a_flow_did_not_find_is_unknown(self, tmp_path):
        write(tmp_path / "m.json", {**ORFS, "detailedroute__route__net": "ERR"})
        assert read_runs(tmp_path, "sky130hd").designs[0].nets is None

    def test_a_library_of_your_own_is_whatever_its_runs_call_it_but_one(self, tmp_path):
        write(tmp_path / "a.json", {**ORFS, "run__flow__platform": "my28"})
        assert len(read_runs(tmp_path, "mine").designs) == 1
        write(tmp_path / "b.json", {**ORFS, "run__flow__platform": "sky130hd"})
        with pytest.raises(SpecError, match="runs are of several libraries, my28, sky130hd"):
            read_runs(tmp_path, "mine")


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
            ({**ORFS, "run__flow__platform": "asap7"}, "m.json: of asap7, not of sky130hd"),
            ({**ORFS, "run__flow__platform": "gf180"}, "m.json: of gf180, not of sky130hd"),
            ({**ORFS, "detailedroute__route__net": 0.5}, "nets: input should be a valid integer"),
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
    def test_runs_of_one_design_count_once(self, tmp_path):
        for n in range(6):
            run = {**ORFS, "detailedroute__route__wirelength": 744339 * 1.01**n}
            write(tmp_path / f"{n}.json", run)
        fit = fit_runs(SKY, read_runs(tmp_path, "sky130hd").designs)
        assert (len(fit.runs), fit.designs) == (6, 1)
        wire, prior = fit.fitted["detour"], routed_factors(SKY).detour
        assert wire.runs == 1
        assert wire.value == pytest.approx(744339 * 1.01**2.5 / (560140 * 1.09))
        assert wire.relative_error == prior.relative_error

    def test_many_runs_have_their_own_spread_and_few_that_of_the_open_designs(self, tmp_path):
        for n in range(4):
            run = {**ORFS, "detailedroute__route__wirelength": 744339 * 1.01**n}
            write(tmp_path / f"{n}.json", {**run, "run__flow__design": f"d{n}"})
        runs = read_runs(tmp_path, "sky130hd").designs
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
        return fit_runs(technology, read_runs(tmp_path, name).designs)

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
