"""Libraries of the tests' own parts, read and chosen from."""

import pytest
from liberty_styles import STYLE

from asicbnn.technology.composition import resolve
from asicbnn.technology.liberty.choice import choose
from asicbnn.technology.liberty.importing import import_liberty
from asicbnn.technology.liberty.reader import read_file


@pytest.fixture
def chosen(tmp_path):
    """Return the choice among parts."""

    def of(parts, style=STYLE):
        path = tmp_path / "some.lib"
        path.write_text(style.library(parts))
        return choose(read_file(path))

    return of


@pytest.fixture
def entries(tmp_path):
    """Return the cells of the technology that parts make, resolved, and the file."""

    def of(parts, style=STYLE):
        path = tmp_path / "some.lib"
        path.write_text(style.library(parts))
        file = import_liberty([path], "some").file
        volts, inverter_ff = file.voltage_v.value, file.inverter_capacitance_ff.value
        return resolve(file.cells, volts, inverter_ff), file

    return of
