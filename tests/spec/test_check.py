"""`check` and `load`: which file it is, and all that is wrong with it and what it names."""

from __future__ import annotations

from pathlib import Path

import pytest

import asicbnn
from asicbnn.errors import SpecError
from asicbnn.spec.accelerator import Accelerator
from asicbnn.spec.check import check, kind_of
from asicbnn.spec.mapping_file import MappingFile
from asicbnn.spec.parse import parse
from asicbnn.spec.sweep import Sweep
from asicbnn.spec.workload import Workload

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("file", sorted((ROOT / "arch_specs").glob("*.yaml")), ids=lambda f: f.name)
def test_shipped_specs_have_no_problem(file: Path) -> None:
    assert [str(problem) for problem in check(file)] == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("name: a\narray: {}\n", "accelerator"),
        ("name: a\ntecnology: asap7\n", "accelerator"),
        ("accelerator: a.yaml\nworkloads: []\n", "sweep"),
        ("axis: {}\naccelerator: a.yaml\n", "sweep"),
        ("layers: {conv1: {inner: [K]}}\n", "mapping"),
        ("layers: [{op: dense}]\n", "workload"),
        ("name: a\ninput: {shape: [1, 1, 64]}\nlayers:\n", "workload"),
    ],
)
def test_the_kind_of_a_file_shows_in_its_keys(text: str, kind: str) -> None:
    assert kind_of(parse(text, "f.yaml")) == kind


@pytest.mark.parametrize("text", ["name: a\n", "foo: 1\nbar: 2\n"])
def test_keys_of_no_kind(tmp_path: Path, text: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(text)
    (problem,) = check(file)
    assert problem.message.startswith("none of these keys says which file this is: ")
    assert "an accelerator has array" in problem.help


def test_no_keys_at_all(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("- 1\n")
    (problem,) = check(file)
    assert problem.message == (
        "expected keys with values: an accelerator, a workload, a sweep or a mapping file"
    )


def test_load_reads_any_kind(tmp_path: Path) -> None:
    mapping = tmp_path / "m.yaml"
    mapping.write_text("layers: {conv1: {inner: [K]}}\n")
    assert isinstance(asicbnn.load(ROOT / "arch_specs" / "tiny.yaml"), Accelerator)
    assert isinstance(asicbnn.load(ROOT / "arch_specs" / "digits_sweep.yaml"), Sweep)
    assert isinstance(asicbnn.load(mapping), MappingFile)
    workload = asicbnn.load(ROOT / "workloads" / "binarynet_cifar10.yaml")
    assert isinstance(workload, Workload)
    with pytest.raises(SpecError, match="no such file"):
        asicbnn.load(tmp_path / "none.yaml")


class TestSweeps:
    def problems(self, folder: Path, accelerator: str, more: str = "") -> list[str]:
        (folder / "a.yaml").write_text(accelerator)
        sweep = folder / "s.yaml"
        workload = ROOT / "workloads" / "binarynet_cifar10.yaml"
        sweep.write_text(f"name: s\naccelerator: a.yaml\nworkloads: [{workload}]\n{more}")
        return [str(problem).replace(f"{folder}/", "") for problem in check(sweep)]

    def test_nothing_wrong(self, tmp_path: Path) -> None:
        assert self.problems(tmp_path, "name: a\narray: {}\n") == []

    def test_problems_of_the_accelerator_follow_the_line_that_names_it(
        self, tmp_path: Path
    ) -> None:
        said = self.problems(tmp_path, "name: a\narray: {lanes: 7}\nengines: 2\n")
        assert said[0].startswith("s.yaml:2:14: accelerator: 2 problems in a.yaml\n")
        assert said[1].startswith("a.yaml:2:16: array.lanes: 7 is not yet built")
        assert said[2].startswith("a.yaml:3:10: engines: 2 is not yet built")

    def test_a_missing_file(self, tmp_path: Path) -> None:
        said = self.problems(tmp_path, "name: a\narray: {}\n", "axes: {}\n")
        (tmp_path / "a.yaml").rename(tmp_path / "aa.yaml")
        said = [str(p).replace(f"{tmp_path}/", "") for p in check(tmp_path / "s.yaml")]
        assert said == [
            (
                "s.yaml:2:14: accelerator: no such file: a.yaml\n"
                "    2 | accelerator: a.yaml\n"
                "      |              ^^^^^^ did you mean 'aa.yaml'?"
            )
        ]

    def test_a_file_of_another_kind(self, tmp_path: Path) -> None:
        said = self.problems(tmp_path, "layers: {conv1: {inner: [K]}}\n")
        assert said[0].startswith("s.yaml:2:14: accelerator: a problem in a.yaml\n")
        assert "expected an accelerator file, got a mapping file" in said[1]

    def test_a_batch_no_point_can_take(self, tmp_path: Path) -> None:
        legal = "name: a\nlimits: {batch: 4}\n"
        assert self.problems(tmp_path, legal, "batch: 4\n") == []
        (said,) = self.problems(tmp_path, legal, "batch: 8\n")
        assert said.startswith("s.yaml:4:8: batch: 8, but limits.batch of the accelerator is 4")
        assert self.problems(tmp_path, legal, "batch: 8\naxes: {limits.batch: [8]}\n") == []
