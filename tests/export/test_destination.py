"""Where an export goes: nothing is half-written, and nobody's work is lost."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from asicbnn.errors import EnvironmentProblem, SpecError
from asicbnn.export import export

TINY = "arch_specs/tiny.yaml"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return export(TINY, tmp_path_factory.mktemp("export") / "tiny")


@pytest.fixture
def copied(tiny, tmp_path):
    return shutil.copytree(tiny, tmp_path / "tiny")


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


# ---------------------------------------------------------------------- what is replaced
def test_an_export_replaces_an_export(copied):
    (copied / "build").mkdir()
    (copied / "build/icarus").write_text("what make built")
    (copied / "testbench.vcd").write_text("what the bench drew")
    before = contents(copied)
    assert export(TINY, copied, seed=1) == copied
    after = contents(copied)
    assert set(after) == set(before) - {"build/icarus", "testbench.vcd"}
    assert after["sent.hex"] != before["sent.hex"]
    assert [p.name for p in copied.parent.iterdir()] == ["tiny"]
    export(TINY, copied)  # and that one is an export again


def test_a_file_that_is_missing_is_written_again(copied):
    (copied / "sent.hex").unlink()
    export(TINY, copied)
    assert (copied / "sent.hex").exists()


def test_an_empty_folder_is_filled(tmp_path, tiny):
    (tmp_path / "chip").mkdir()
    assert contents(export(TINY, tmp_path / "chip")) == contents(tiny)


def test_the_list_names_every_file_and_its_checksum(tiny):
    listed = dict(reversed(x.split("  ")) for x in (tiny / "SHA256SUMS").read_text().splitlines())
    assert listed == {
        name: hashlib.sha256(content).hexdigest()
        for name, content in contents(tiny).items()
        if name != "SHA256SUMS"
    }
    if tool := shutil.which("sha256sum"):
        subprocess.run([tool, "--check", "--quiet", "SHA256SUMS"], cwd=tiny, check=True)


# ---------------------------------------------------------------------- what is not
def thesis(folder):
    (folder / "thesis.tex").write_text("years")


def macro(folder):
    """Put a memory macro where the README says it goes."""
    with (folder / "macros.v").open("a") as file:
        file.write("// our macro\n")


def runs(folder):
    (folder / "runs").mkdir()
    (folder / "runs/layout.gds").write_text("days")


def link(folder):
    (folder / "sent.hex").rename(folder.parent / "elsewhere.hex")
    (folder / "sent.hex").symlink_to(folder.parent / "elsewhere.hex")


def no_list(folder):
    (folder / "SHA256SUMS").unlink()


def no_sums(folder):
    (folder / "SHA256SUMS").write_text("my checksums\n")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (thesis, r"tiny: thesis.tex is not of the export in this folder, and would be lost; move"),
        (macro, r"tiny: macros.v was changed since it was exported, and would be lost; move it"),
        (runs, r"tiny: runs is not of the export in this folder"),
        (link, r"tiny: sent.hex was changed since it was exported"),
        (no_list, r"holds other things than an export \(there is no list SHA256SUMS of its files"),
        (no_sums, r"holds other things than an export"),
    ],
)
def test_a_folder_somebody_worked_in_is_not_replaced(copied, change, complaint):
    change(copied)
    before = contents(copied.parent)
    with pytest.raises(SpecError, match=complaint):
        export(TINY, copied)
    assert contents(copied.parent) == before


def test_other_things_are_not_replaced(tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years")
    (mine / "testbench.v").write_text("module testbench; endmodule")
    with pytest.raises(SpecError, match=r"mine: this folder holds other things .*name an empty"):
        export(TINY, mine)
    with pytest.raises(SpecError, match=r"thesis.txt: a folder is wanted, and this is a file"):
        export(TINY, mine / "thesis.txt")
    assert set(contents(mine)) == {"thesis.txt", "testbench.v"}


# ---------------------------------------------------------------------- links
def test_a_link_stays_and_the_folder_it_leads_to_is_replaced(copied):
    way = copied.parent / "link"
    way.symlink_to("tiny", target_is_directory=True)
    assert export(TINY, way, seed=1) == way
    assert way.readlink() == Path("tiny")
    assert contents(way) == contents(copied)
    assert sorted(p.name for p in copied.parent.iterdir()) == ["link", "tiny"]


def test_a_link_to_nothing_yet_stays_too(tmp_path, tiny):
    (tmp_path / "link").symlink_to(tmp_path / "later")
    export(TINY, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert contents(tmp_path / "later") == contents(tiny)


def test_a_link_to_itself_is_no_place(tmp_path):
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(EnvironmentProblem, match=r"round: cannot be written: "):
        export(TINY, tmp_path / "round")
    assert [p.name for p in tmp_path.iterdir()] == ["round"]


# ---------------------------------------------------------------------- failures
def test_a_failure_half_way_leaves_nothing(tmp_path, monkeypatch):
    def failing(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", failing)
    with pytest.raises(EnvironmentProblem, match=r"chip: cannot be written: No space left"):
        export(TINY, tmp_path / "chip")
    assert not list(tmp_path.iterdir())


def test_the_old_export_is_back_if_the_new_one_cannot_take_its_place(copied, monkeypatch):
    before, rename = contents(copied), Path.rename

    def failing(self, target):
        if Path(target) == copied and not self.name.endswith(".old"):
            raise OSError(16, "Device or resource busy")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(EnvironmentProblem, match=r"tiny: cannot be written: Device or resource"):
        export(TINY, copied, seed=1)
    assert contents(copied) == before
    assert [p.name for p in copied.parent.iterdir()] == ["tiny"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_nobody_may_write_to(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(EnvironmentProblem, match=r"cannot be written: Permission denied"):
        export(TINY, tmp_path / "chip")


def test_a_file_in_the_way_of_the_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentProblem, match=r"chip: cannot be written: "):
        export(TINY, tmp_path / "file" / "chip")
