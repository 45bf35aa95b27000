"""Files a spec names are looked for beside it, technologies and macro lists then also here."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import asicbnn
from asicbnn.check import check
from asicbnn.spec.accelerator import read_accelerator
from asicbnn.spec.sweep import read_sweep
from asicbnn.technology.library import LIBRARIES

ROOT = Path(__file__).parents[2]
WORKLOAD = ROOT / "workloads" / "digits_mlp_64_256_256_10.yaml"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a technology in `specs`, seen from beside it."""
    for folder in ("specs", "here"):
        (tmp_path / folder).mkdir()
    text = (LIBRARIES / "asap7.yaml").read_text()
    (tmp_path / "specs/own.yaml").write_text(text.replace("name: asap7", "name: own", 1))
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def accelerator(folder: Path, technology: str) -> Path:
    file = folder / "specs/a.yaml"
    file.write_text(f"name: a\ntechnology: {technology}\n")
    return file


def test_a_technology_beside_the_accelerator_is_found_from_anywhere(project: Path) -> None:
    file = accelerator(project, "own.yaml")
    assert check(file) == []
    assert read_accelerator(file).technology == str(project / "specs/own.yaml")
    result = asicbnn.estimate(file, WORKLOAD)
    assert result.to_json()["technology"] == "own"


def test_one_in_the_working_directory_is_found_and_the_one_beside_goes_first(project: Path) -> None:
    shutil.move(project / "specs/own.yaml", project / "here/own.yaml")
    file = accelerator(project, "own.yaml")
    assert check(file) == []
    assert read_accelerator(file).technology == "own.yaml"
    text = (project / "here/own.yaml").read_text()
    (project / "specs/own.yaml").write_text(text.replace("name: own", "name: nearer", 1))
    assert asicbnn.estimate(file, WORKLOAD).to_json()["technology"] == "nearer"


def test_one_that_is_nowhere_is_told_at_its_line(project: Path) -> None:
    file = accelerator(project, "nowhere.yaml")
    (problem,) = check(file)
    assert problem.line == 2
    assert "no such file" in str(problem)


def test_shipped_names_are_names_still(project: Path) -> None:
    assert read_accelerator(accelerator(project, "asap7")).technology == "asap7"


def test_lists_of_macros_are_looked_for_alike(project: Path) -> None:
    (project / "specs/mine.csv").write_text("")
    file = accelerator(project, "asap7\nsram: {lists: [mine.csv, ihp_sg13g2]}")
    assert read_accelerator(file).sram.lists == (str(project / "specs/mine.csv"), "ihp_sg13g2")


def test_sweeps_look_beside_themselves(project: Path) -> None:
    accelerator(project, "asap7")
    file = project / "specs/s.yaml"
    head = f"name: s\naccelerator: a.yaml\nworkloads: [{WORKLOAD}]\n"
    file.write_text(f"{head}technologies: [asap7, own.yaml]\n")
    assert check(file) == []
    own = str(project / "specs/own.yaml")
    assert read_sweep(file).technologies == ("asap7", own)
    file.write_text(f"{head}axes: {{technology: [own.yaml]}}\n")
    assert read_sweep(file).axes["technology"] == (own,)
    assert list(asicbnn.sweep(file).table["technology"]) == [own]
