"""Files appear whole or not at all, and a place that cannot be written is found beforehand."""

from __future__ import annotations

import pytest

from asicbnn.errors import EnvironmentProblem
from asicbnn.replacing import check_writable, replacing, write_text


def test_an_interrupted_write_leaves_the_old_file_and_no_other(tmp_path):
    path = write_text(tmp_path / "a.txt", "old")

    def interrupted():
        with replacing(path) as beside:
            beside.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_may_be_read_by_others(tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("x")
    assert write_text(tmp_path / "ours", "x").stat().st_mode == plain.stat().st_mode


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(EnvironmentProblem, match=r"a.txt: cannot be written: .* is a file, not"):
        write_text(tmp_path / "file" / "a.txt", "x")
    with pytest.raises(EnvironmentProblem, match=r"cannot be written: Is a directory$"):
        write_text(tmp_path, "x")


def test_what_cannot_be_written_is_known_before_and_nothing_is_left(tmp_path):
    (tmp_path / "file").write_text("x")
    before = sorted(tmp_path.rglob("*"))
    for path in (tmp_path, tmp_path / "file" / "a.txt", tmp_path / "file" / "b" / "a.txt"):
        with pytest.raises(EnvironmentProblem) as refused:
            check_writable(path)
        assert str(refused.value).startswith(f"{path}: cannot be written: ")
    for path in (tmp_path / "a.txt", tmp_path / "file", tmp_path / "new" / "deep" / "a.txt"):
        check_writable(path)
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_text() == "x"
