import csv
from pathlib import Path

import pytest

DATA = Path(__file__).with_name("data")  # where it comes from: data/SOURCES.md


@pytest.fixture
def table():
    """Rows of a table of measured cells, macros and popcounts."""

    def read(name):
        with (DATA / name).open(newline="") as file:
            return list(csv.DictReader(file))

    return read
