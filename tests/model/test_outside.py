"""A store outside the chip: what it takes, how fast it is, what is refused by name."""

from pathlib import Path

import pytest

from asicbnn.check import check
from asicbnn.errors import MappingError, ModelError, SpecError
from asicbnn.model.costs import costs
from asicbnn.model.estimate import estimate
from asicbnn.model.outside import outside
from asicbnn.spec.accelerator import Accelerator, with_changes
from asicbnn.spec.external import ExternalMemory
from asicbnn.spec.reader import read
from asicbnn.spec.workload import read_workload
from asicbnn.technology.library import load

ROOT = Path(__file__).parents[2]
TINY = read(ROOT / "arch_specs/tiny.yaml", Accelerator)
DIGITS = read_workload(ROOT / "workloads/digits_mlp_64_256_256_10.yaml")
SKY = load("sky130hd")


def memory(**fields):
    return outside(ExternalMemory.model_validate(fields), "store.external")


def stored(**fields):
    return with_changes(TINY, {"store.kind": "external", "store.external": fields})


class TestEnergy:
    def test_link_words_background_and_wires_are_apart(self):
        result = estimate(stored(standard="hyperram", load_pf=12), DIGITS)
        terms = {
            name.removeprefix("external "): fj
            for name, fj in result.breakdowns["energy_terms_fj"].items()
            if name.startswith("external ")
        }
        words = result.totals["store_weight_reads"]
        assert terms["weight reads"] == pytest.approx(words * 8 * 40.5e3)
        wires_pj = 0.5 * 12 * 1.8**2 * (0.5 + 6 / 16)
        assert terms["weight reads interface"] == pytest.approx(words * 8 * wires_pj * 1e3)
        latency_ms = result.totals["latency_ms"]
        assert terms["background"] == pytest.approx(0.54 * latency_ms * 1e9)  # mW ms = 1e9 fJ
        assert sum(terms.values()) == pytest.approx(result.totals["external_energy_fj"])

    def test_devices_side_by_side_share_the_bits_and_idle_each(self):
        one, four = memory(standard="lpddr4"), memory(standard="lpddr4", devices=4)
        assert four.background_mw.value == 4 * one.background_mw.value
        assert four.bandwidth_mbit_per_s == 4 * one.bandwidth_mbit_per_s
        assert four.capacity_mbit == 4 * one.capacity_mbit
        assert four.energy_pj_per_bit == one.energy_pj_per_bit

    def test_a_mode_without_background_is_said(self):
        silent = memory(standard="lpddr4", background="none")
        assert silent.background_mw.value == 0
        assert "lpddr4: its background power is left out" in silent.flags
        assert memory(standard="ddr3", background="self_refresh").background_mw.value == 18

    def test_figures_of_the_user_come_first_and_are_said_to(self):
        own = memory(
            standard="hbm2",
            figures={"background_mw": 300, "energy_pj_per_bit": 5, "source": "our board, May"},
        )
        assert (own.background_mw.value, own.energy_pj_per_bit.value) == (300, 5)
        assert own.energy_pj_per_bit.relative_error == 0
        said = "energy_pj_per_bit, background_mw of hbm2 are the user's, from our board, May"
        assert said in own.flags

    def test_errors_of_the_figures_reach_the_result(self):
        result = estimate(stored(standard="lpddr4", background="none"), DIGITS)
        assert result.errors["external_energy_fj"] == pytest.approx(0.2)
        assert result.levels["external_energy_fj"] == "assumed"


class TestHoldsWeights:
    def test_activations_stay_on_the_chip(self):
        split = stored(standard="lpddr4", holds="weights")
        cost = costs(split, SKY)
        parts = {macro.part for macro, _ in cost.area.memories}
        assert "store_activation" in parts
        assert "store_weight" not in parts
        events = {r.event for r in cost.rates_of[1] if r.part == "external"}
        assert events == {"store_weight_reads", "store_weight_writes", "cycles"}
        result = estimate(split, DIGITS)
        assert result.totals["store_activation_energy_fj"] > 0
        assert result.totals["store_weight_energy_fj"] == 0

    def test_a_flash_holds_nothing_but_weights(self):
        with pytest.raises(ModelError, match=r"^store\.external\.holds: qspi_flash cannot be"):
            costs(stored(standard="qspi_flash"), SKY)

    def test_a_flash_is_read_and_never_written(self):
        slow = with_changes(
            stored(standard="qspi_flash", holds="weights"),
            {"operating_point.clock_mhz": 80, "power_up.wake": "none"},
        )
        totals = estimate(slow, DIGITS).totals
        assert totals["store_weight_writes"] == 0
        assert totals["power_up_energy_uj"] == 0
        small = with_changes(slow, {"store.kib.weights": 9})
        with pytest.raises(MappingError) as caught:
            estimate(small, DIGITS)
        assert "would be streamed into it, but it is a qspi_flash; set store.kib.weights to" in str(
            caught.value
        )


class TestRefusals:
    @pytest.mark.parametrize(
        ("fields", "words", "cure"),
        [
            ({"standard": "hmc"}, "no published bandwidth of hmc is known", "bandwidth_mbit_per_s"),
            ({"standard": "hbm2"}, "no published standby power of hbm2", "background: none"),
            (
                {"standard": "lpddr4", "background": "power_down"},
                "no published power-down power of lpddr4",
                "it has: standby, self_refresh",
            ),
            ({"standard": "hyperram"}, "their load is not given", "give load_pf"),
        ],
    )
    def test_a_figure_nobody_published_is_refused_by_name(self, fields, words, cure):
        with pytest.raises(SpecError) as caught:
            memory(**fields)
        [problem] = caught.value.problems
        assert problem.path == "store.external"
        assert words in problem.message
        assert cure in problem.help

    def test_a_link_faster_than_the_device_is_refused_with_three_cures(self):
        fast = stored(standard="qspi_flash", holds="weights")
        with pytest.raises(ModelError) as caught:
            costs(fast, SKY)
        message = str(caught.value)
        assert message.startswith("store.link.bits: 8 bit at ")
        assert (
            "qspi_flash moves 664 at most; set operating_point.clock_mhz to 83 or less" in message
        )
        assert "store.external.devices to 2" in message
        costs(with_changes(fast, {"operating_point.clock_mhz": 83}), SKY)
        costs(with_changes(fast, {"store.external.devices": 2}), SKY)

    def test_a_store_larger_than_the_device_is_refused(self):
        large = with_changes(stored(standard="hyperram", load_pf=10), {"store.kib.weights": 8189})
        with pytest.raises(ModelError, match=r"^store\.kib: 8193 KiB are more than the 8192 KiB"):
            costs(large, SKY)
        costs(with_changes(large, {"store.kib.weights": 8188}), SKY)

    def test_check_points_at_the_line(self, tmp_path):
        text = (ROOT / "arch_specs/tiny.yaml").read_text()
        for external, place in (
            ("{standard: hyperram}", "store.external"),
            ("{standard: qspi_flash}", "store.external.holds"),
            ("{standard: qspi_flash, holds: weights}", "store.link.bits"),
        ):
            file = tmp_path / "a.yaml"
            file.write_text(
                text.replace("store:\n", f"store:\n  kind: external\n  external: {external}\n")
            )
            [problem] = check(file)
            assert (problem.path, problem.help != "") == (place, True)
            assert problem.line is not None

    @pytest.mark.parametrize(
        ("more", "place", "line"),
        [
            ("power_up: {device: {standard: qspi_flash}}\n", "power_up.device", 2),
            ("power_up: {device: {standard: hyperram}}\n", "power_up.device", 2),
            ("technology: asap7\nextras: {pads: {count: 4}}\n", "extras.pads", 3),
            ("technology: gt2n\nextras: {scan: {}}\n", "extras.scan", 3),
        ],
    )
    def test_check_tells_figures_nobody_states(self, tmp_path, more, place, line):
        file = tmp_path / "a.yaml"
        file.write_text(f"name: a\n{more}")
        [problem] = check(file)
        assert (problem.path, problem.line) == (place, line)

    def test_check_tells_what_is_wrong_with_a_list_of_macros(self, tmp_path):
        macros, file = tmp_path / "m.csv", tmp_path / "a.yaml"
        file.write_text(f"name: a\nsram:\n  lists: [{macros}]\n")
        [where, missing] = check(file)
        assert (where.path, where.line) == ("sram.lists", 3)
        assert "cannot be read" in missing.message
        macros.write_text("name,words,word_bits,ports,area_um2\na,64,8,1rw,x\n")
        [where, cell] = check(file)
        assert (cell.file, cell.line, cell.path) == (str(macros), 2, "area_um2")

    @pytest.mark.parametrize(
        "fields",
        [{"background_mw": 1, "source": " "}, {"background_mw": 1}, {"source": "x", "watts": 1}],
    )
    def test_figures_need_a_source(self, fields):
        with pytest.raises(SpecError, match=r"source|watts"):
            stored(standard="hbm2", figures=fields)


class TestRom:
    def rom(self, tmp_path, more=None):
        file = tmp_path / "roms.csv"
        file.write_text(
            "name,words,word_bits,ports,area_um2,read_energy_fj,leakage_nw,access_ps\n"
            "rom_a,4096,8,rom,30000,2000,10,2500\n"
            "ram_a,2048,8,1rw,90000,9000,100,2500\n"
        )
        changes = {"store.kind": "rom", "sram.lists": (str(file),), **(more or {})}
        return with_changes(TINY, changes)

    def test_weights_in_rom_are_never_written(self, tmp_path):
        result = estimate(self.rom(tmp_path), DIGITS)
        assert result.totals["store_weight_area_um2"] > 4 * 30000
        assert result.totals["store_weight_writes"] == 0
        assert result.totals["power_up_energy_uj"] == 0
        said = "power-up: the weights are in a memory that keeps them; nothing is loaded"
        assert said in result.flags

    def test_a_rom_is_of_cells_unless_a_list_has_one(self):
        of_cells = with_changes(TINY, {"store.kind": "rom"})
        found = {macro.part: memory for macro, memory in costs(of_cells, SKY).area.memories}
        assert found["store_weight"].cells is not None
        exact = with_changes(of_cells, {"sram.macros": "exact"})
        with pytest.raises(ModelError, match=r"^store\.kib\.weights: no macro of sky130hd has"):
            costs(exact, SKY)

    def test_weights_that_do_not_fit_are_not_streamed_into_it(self, tmp_path):
        with pytest.raises(MappingError, match=r"but it is a ROM; set store\.kib\.weights to 1"):
            estimate(self.rom(tmp_path, {"store.kib.weights": 9}), DIGITS)
