from __future__ import annotations

import pandas as pd
import pytest

from asicbnn.errors import SpecError
from asicbnn.sweep.files import read_table, write_table

TABLE = pd.DataFrame({"accelerator": ["a", "b"], "cycles": [2**40, 3], "energy_fj": [0.1, 2e30]})


@pytest.mark.parametrize("name", ["points", "points.csv", "points.parquet", "v1.2"])
def test_a_table_is_read_back_from_both_files(tmp_path, name):
    parquet, csv = write_table(TABLE, tmp_path / "new" / name)
    assert parquet.suffix == ".parquet"
    assert csv.suffix == ".csv"
    for path in (parquet, csv):
        pd.testing.assert_frame_equal(read_table(path), TABLE)
    assert sorted(tmp_path.glob("new/*")) == sorted([parquet, csv])


def test_what_is_no_table_is_refused(tmp_path):
    with pytest.raises(SpecError, match=r"none\.csv: no such file$"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "bad.parquet").write_text("not parquet")
    with pytest.raises(SpecError, match=r"bad\.parquet: expected a table \(parquet or CSV\)"):
        read_table(tmp_path / "bad.parquet")
    (tmp_path / "bad.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match=r"bad\.csv: expected a table"):
        read_table(tmp_path / "bad.csv")
