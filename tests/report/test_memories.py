"""Memories side by side, the macros they are made of, and where an SRAM pays."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from asicbnn.cli import app
from asicbnn.report import memories as report
from asicbnn.spec.accelerator import Accelerator, with_changes
from asicbnn.spec.reader import read
from asicbnn.technology.library import load

ROOT = Path(__file__).parents[2]
EDGE = read(ROOT / "arch_specs/edge64.yaml", Accelerator)
IHP = load("ihp_sg13g2")


def printed(shown):
    stream = io.StringIO()
    Console(file=stream, width=200, color_system=None).print(shown)
    return stream.getvalue()


def run(*arguments):
    return CliRunner().invoke(app, ["technology", "memory", *arguments])


def test_every_way_to_build_a_memory_is_priced_or_refused_with_its_reason():
    asked = report.Asked(16, 32)
    found = {way.name: way for way in report.ways(IHP, asked, None)}
    assert list(found) == ["SRAM, exact macros", "SRAM, fit", "latches", "registers", "ROM"]
    assert found["SRAM, fit"].memory is None
    assert "outside the range of the fit" in found["SRAM, fit"].reason
    assert found["latches"].memory.area_um2 < found["SRAM, exact macros"].memory.area_um2
    text = printed(report.memory_tables(IHP, asked, list(found.values())))
    assert "16 words of 32 bit, 1rw in ihp_sg13g2" in text
    assert "RM_IHPSG13_1P_256x32_c2_bm_bist" in text
    extrapolated = report.ways(IHP, report.Asked(16, 32, extrapolate=True), None)
    assert all(way.memory for way in extrapolated)


def test_an_accelerators_memories_are_listed_with_their_macros():
    exact = with_changes(EDGE, {"technology": "ihp_sg13g2", "sram.macros": "exact"})
    found = report.accelerator_json(exact)
    assert found["weight_buffer"]["memories"] == 2
    [use] = found["weight_buffer"]["macros"]
    assert (use["name"], use["count"]) == ("RM_IHPSG13_1P_256x64_c2_bm_bist", 16)
    assert found["psum_buffer"] == {**found["psum_buffer"], "kind": "latch", "macros": []}
    assert "16 x RM_IHPSG13_1P_256x64_c2_bm_bist" in printed(report.accelerator_table(exact))


def test_memories_without_a_price_do_not_hide_the_rest():
    shallow = with_changes(EDGE, {"buffers.weight.words": 2})
    assert "buffers.weight: an SRAM" in report.accelerator_json(shallow)["refused"]
    assert "outside the range" in printed(report.accelerator_table(shallow))


def test_the_command_prices_one_memory():
    done = run("ihp_sg13g2", "--words", "1024", "--bits", "96", "--json")
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert told["schema"] == "asicbnn.technology_memory/1"
    exact = told["ways"][0]
    assert {use["name"]: use["count"] for use in exact["macros"]} == {
        "RM_IHPSG13_1P_1024x32_c2_bm_bist": 1,
        "RM_IHPSG13_1P_1024x64_c2_bm_bist": 1,
    }
    assert exact["area_um2"] == pytest.approx(140182.6944 + 263946.1408)
    assert run("ihp_sg13g2", "--words", "1024", "--bits", "96").exit_code == 0


def test_the_command_shows_where_an_sram_pays_and_what_there_is():
    done = run("ihp_sg13g2", "--json")
    told = json.loads(done.stdout)
    assert len(told["macros"]) == 28
    by_width = {row["word_bits"]: row["by_area_um2"] for row in told["break_even"]}
    assert by_width[32] == 19
    shown = run("ihp_sg13g2")
    assert "fewest words at which an SRAM costs" in shown.stdout
    assert "RM_IHPSG13_2P_512x32_c2_bm_bist" in shown.stdout


def test_the_command_takes_a_memory_compiler(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("name,words,word_bits,ports,area_um2\nmine_a,512,16,1rw,9000\n")
    size = ("ihp_sg13g2", "--words", "512", "--bits", "16")
    done = run(*size, "--list", str(file))
    assert "mine_a" in done.stdout
    file.write_text("name,words,word_bits,ports,area_um2\nmine_a,x,16,1rw,9000\n")
    wrong = run(*size, "--list", str(file))
    assert wrong.exit_code == 2
    assert "mine.csv:2:8: words: expected a whole number" in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ihp_sg13g2", "--words", "4"), "--words and --bits go together"),
        (("ihp_sg13g2", "--list", "ihp_sg13g2"), "--list prices one memory"),
        (("nowhere",), "unknown technology 'nowhere'"),
        (("ihp_sg13g2", "--words", "4", "--bits", "4", "--list", "no.csv"), "cannot be read"),
    ],
)
def test_wrong_uses_are_told(arguments, words):
    done = run(*arguments)
    assert done.exit_code == 2
    assert words in done.stderr
    assert not done.stdout
