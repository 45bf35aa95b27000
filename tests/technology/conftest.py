import csv
from pathlib import Path

import pytest

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "technology"


@pytest.fixture
def table():
    """Rows of a table of the design data, which lies beside a checkout or is not there."""
    if not DATA.is_dir():
        pytest.skip("the design data is not beside this checkout (../shared/data/technology)")

    def read(name):
        with (DATA / name).open(newline="") as file:
            return list(csv.DictReader(file))

    return read
