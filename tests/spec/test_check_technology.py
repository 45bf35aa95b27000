"""`asicbnn.check`: what other verbs refuse about technology, operating point and images."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asicbnn.bnn.weights import save_weights
from asicbnn.check import check
from asicbnn.errors import SpecError
from asicbnn.model.arguments import workload_of
from asicbnn.spec import load
from asicbnn.spec.lowering import lower
from asicbnn.spec.parameters import load_parameters
from asicbnn.spec.workload import read_workload

ROOT = Path(__file__).parents[2]
WORKLOAD = ROOT / "workloads" / "binarynet_cifar10.yaml"


def said(path: Path) -> list[str]:
    return [str(problem).replace(f"{path.parent}/", "") for problem in check(path)]


def accelerator(folder: Path, text: str) -> list[str]:
    file = folder / "a.yaml"
    file.write_text(f"name: a\n{text}")
    return said(file)


@pytest.mark.parametrize("folder", ["arch_specs", "workloads"])
def test_shipped_files_have_no_problem(folder: str) -> None:
    files = sorted((ROOT / folder).glob("*.yaml"))
    assert [str(problem) for file in files for problem in check(file)] == []


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("technology: sky130\n", "2:13: technology: ", "did you mean 'sky130hd'?"),
        ("technology: ./no.yaml\n", "2:13: technology: ", "cannot be read: no such file"),
        ("array: {}\noperating_point: {voltage_v: 0.8}\n", "3:30: operating_point.voltage_v: ",
         "set 0.842 to 1.95"),
        ("buffers: {weight: {words: 512}}\noperating_point: {voltage_v: 1.2}\n",
         "2:11: buffers.weight: ",
         "build the memory of latches"),
        ("array: {}\noperating_point: {temperature_c: 125}\n",
         "3:34: operating_point.temperature_c: ", "set -40 to 100"),
        ("array: {}\noperating_point: {clock_mhz: 5000}\n", "3:30: operating_point.clock_mhz: ",
         "ask for "),
    ],
)  # fmt: skip
def test_what_the_technology_refuses_is_placed(
    tmp_path: Path, text: str, place: str, words: str
) -> None:
    (problem,) = accelerator(tmp_path, text)
    assert problem.startswith(f"a.yaml:{place}")
    assert words in problem
    assert "^^^" in problem or "^^" in problem


def test_technology_and_fields_are_told_at_once(tmp_path: Path) -> None:
    text = "technology: sky130\narray: {lanes: 7}\noperating_point: {voltage_v: 0.7}\n"
    problems = accelerator(tmp_path, text)
    assert [re.match(r"a\.yaml:(\d+)", p)[1] for p in problems] == ["2", "3"]  # type: ignore[index]
    both = accelerator(tmp_path, "array: {}\noperating_point: {voltage_v: 2, temperature_c: 150}\n")
    assert len(both) == 2


def test_a_value_refused_by_itself_is_not_refused_again(tmp_path: Path) -> None:
    (problem,) = accelerator(tmp_path, "array: {}\noperating_point: {voltage_v: 0}\n")
    assert "expected a number from 0.1 to 10" in problem


@pytest.mark.parametrize("text", ["", "root:x:0:0\n", "- a\n"])
def test_a_file_that_is_no_technology_is_told_in_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.yaml").write_text(text)
    problems = accelerator(tmp_path, f"technology: {tmp_path / 't.yaml'}\n")
    assert any("the file is empty" in p or "expected keys with values" in p for p in problems)


def test_a_technology_file_is_checked_like_any_other(tmp_path: Path) -> None:
    shipped = ROOT / "asicbnn/technology/libraries/sky130hd.yaml"
    assert check(shipped) == []
    mine = tmp_path / "mine.yaml"
    mine.write_text(shipped.read_text().replace("setup_ps:", "setup:", 1))
    missing, unknown = said(mine)
    assert missing.startswith("mine.yaml:3:1: setup_ps: missing key")
    assert "did you mean 'setup_ps'?" in unknown
    assert check(ROOT / "asicbnn/technology/published/laxor.yaml") == []


def test_a_technology_and_an_accelerator_in_each_others_place_are_named(tmp_path: Path) -> None:
    tiny = ROOT / "arch_specs/tiny.yaml"
    problems = accelerator(tmp_path, f"array: {{}}\ntechnology: {tiny}\n")
    assert any("this is an accelerator file; a technology file was wanted" in p for p in problems)
    with pytest.raises(SpecError, match="this is a technology file; a workload file was wanted"):
        workload_of(ROOT / "asicbnn/technology/libraries/sky130hd.yaml")
    (chip,) = check(ROOT / "asicbnn/validate/chips/laxor.yaml")
    assert chip.message == "this is a chip file"
    assert "`asicbnn validate` reads it" in chip.help
    with pytest.raises(SpecError, match="`asicbnn technology show` shows it"):
        load(ROOT / "asicbnn/technology/libraries/sky130hd.yaml")


class TestSweeps:
    def problems(self, folder: Path, more: str, base: str = "array: {}\n") -> list[str]:
        (folder / "a.yaml").write_text(f"name: a\n{base}")
        file = folder / "s.yaml"
        file.write_text(f"name: s\naccelerator: a.yaml\nworkloads: [{WORKLOAD}]\n{more}")
        return said(file)

    def test_unknown_technologies(self, tmp_path: Path) -> None:
        (listed,) = self.problems(tmp_path, "technologies: [asap7, sky130]\n")
        assert listed.startswith("s.yaml:4:23: technologies[1]: ")
        (axis,) = self.problems(tmp_path, "axes:\n  technology: [sky130hd, foo]\n")
        assert re.match(r"s\.yaml:5:26: axes\.technology\[1\]: .*foo", axis)

    def test_the_base_accelerator_s_own(self, tmp_path: Path) -> None:
        (problem,) = self.problems(tmp_path, "", "technology: nowhere\n")
        assert problem.startswith("s.yaml:2:14: accelerator: ")
        assert self.problems(tmp_path, "technologies: [asap7]\n", "technology: nowhere\n") == []

    def test_a_voltage_no_point_can_have(self, tmp_path: Path) -> None:
        base = "operating_point: {voltage_v: 1.8}\n"
        (problem,) = self.problems(tmp_path, "technologies: [sky130hd, asap7]\n", base)
        assert problem.startswith("s.yaml:4:26: technologies[1]: operating_point.voltage_v of the")
        varied = "technologies: [asap7]\naxes: {operating_point.voltage_v: [0.7]}\n"
        assert self.problems(tmp_path, varied, base) == []


class TestImages:
    def problems(self, folder: Path, **arrays: Any) -> list[str]:
        file = folder / "w.yaml"
        file.write_text(
            "name: w\ninput: {shape: [1, 1, 8]}\nweights: w.npz\n"
            "layers:\n- {name: fc, op: dense, out_channels: 3}\n"
        )
        (folder / "w.npz").unlink(missing_ok=True)
        text = file.read_text()
        file.write_text(text.replace("weights: w.npz\n", ""))
        workload = read_workload(file)
        save_weights(folder / "w.npz", lower(workload).layers, load_parameters(workload), **arrays)
        file.write_text(text)
        return said(file)

    def test_sound(self, tmp_path: Path) -> None:
        images = np.zeros((2, 8), np.uint8)
        assert self.problems(tmp_path, images=images, labels=np.zeros(2, np.int64)) == []

    @pytest.mark.parametrize(
        ("images", "labels", "words"),
        [
            (np.array([{}, {}], object), np.zeros(2, np.int64), "images: holds Python objects"),
            (np.full((2, 8), np.nan), np.zeros(2, np.int64), "images: expected integers"),
            (np.zeros((2, 8), np.uint8), np.zeros(5, np.int64), "labels: expected integers [2]"),
        ],
    )
    def test_wrong(self, tmp_path: Path, images: Any, labels: Any, words: str) -> None:
        lead, problem = self.problems(tmp_path, images=images, labels=labels)
        assert lead.startswith("w.yaml:3:10: weights: these are not the test images")
        assert f"w.npz: {words}" in problem
