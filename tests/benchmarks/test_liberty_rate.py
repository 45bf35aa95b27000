"""Megabytes per second of the Liberty reader, and the memory an import takes."""

import sys
import time
import tracemalloc

import pytest
from liberty_styles import PARTS, STYLES
from shared_data import shared_data

from asicbnn.technology.liberty import read_file
from asicbnn.technology.liberty.matching import is_of_use

FLOOR_MB_PER_S = 5.0
MOST_MB_IN_MEMORY = 64.0
REAL = (
    "sky130hd/sky130hd_tt_025C_1v80.lib.gz",
    "asap7/asap7sc7p5t_AO_RVT_TT_nldm_211120.lib.gz",
    "ihp_sg13g2/sg13g2_stdcell_typ_1p20V_25C.lib.gz",
)


def rate_mb_per_s(path):
    start = time.process_time()
    library = read_file(path)
    return library.files[0].characters / 1e6 / (time.process_time() - start)


def tell(capsys, what, rate):
    with capsys.disabled():
        sys.stdout.write(f"\n{what}: {rate:.1f} MB/s\n")


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Twenty megabytes: the cells of the test library, with current tables, over and over."""
    style = STYLES["foundry"]
    copies = {f"{name}_{i}": part for i in range(300) for name, part in PARTS.items()}
    path = tmp_path_factory.mktemp("large") / "large.lib"
    path.write_text(style.library(copies))
    return path


@pytest.mark.benchmark
@pytest.mark.parametrize("name", REAL)
def test_real_libraries_are_read_at_five_megabytes_per_second(name, capsys):
    rate = rate_mb_per_s(shared_data(f"liberty/{name}"))
    tell(capsys, name, rate)
    assert rate > FLOOR_MB_PER_S


@pytest.mark.benchmark
def test_small_tables_and_current_tables_at_five_megabytes_per_second(large, capsys):
    rate = rate_mb_per_s(large)
    tell(capsys, f"{large.stat().st_size / 1e6:.0f} MB of small tables", rate)
    assert rate > FLOOR_MB_PER_S


@pytest.mark.benchmark
def test_an_import_keeps_little_of_a_large_file(capsys):
    """The window and the cells that play a role, not the 22 MB of the file."""
    path = shared_data(f"liberty/{REAL[1]}")
    tracemalloc.start()
    library = read_file(path, is_of_use)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    with capsys.disabled():
        read_mb = library.files[0].characters / 1e6
        sys.stdout.write(f"\n{read_mb:.0f} MB read, at most {peak / 1e6:.1f} MB in memory\n")
    assert peak / 1e6 < MOST_MB_IN_MEMORY
