from __future__ import annotations

import pandas as pd
import pytest

from asicbnn.errors import EnvironmentProblem, SpecError
from asicbnn.sweep.files import read_table, replacing, write_table, write_text

TABLE = pd.DataFrame({"accelerator": ["a", "b"], "cycles": [2**40, 3], "energy_fj": [0.1, 2e30]})


@pytest.mark.parametrize("name", ["points", "points.csv", "points.parquet", "v1.2"])
def test_a_table_is_read_back_from_both_files(tmp_path, name):
    parquet, csv = write_table(TABLE, tmp_path / "new" / name)
    assert parquet.suffix == ".parquet"
    assert csv.suffix == ".csv"
    for path in (parquet, csv):
        pd.testing.assert_frame_equal(read_table(path), TABLE)
    assert sorted(tmp_path.glob("new/*")) == sorted([parquet, csv])


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
    with pytest.raises(EnvironmentProblem, match=r"/file/a.txt: cannot be written: "):
        write_text(tmp_path / "file" / "a.txt", "x")
    with pytest.raises(EnvironmentProblem, match=r"cannot be written: Is a directory$"):
        write_text(tmp_path, "x")


def test_what_is_no_table_is_refused(tmp_path):
    with pytest.raises(SpecError, match=r"none\.csv: no such file$"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "bad.parquet").write_text("not parquet")
    with pytest.raises(SpecError, match=r"bad\.parquet: expected a table \(parquet or CSV\)"):
        read_table(tmp_path / "bad.parquet")
    (tmp_path / "bad.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match=r"bad\.csv: expected a table"):
        read_table(tmp_path / "bad.csv")
