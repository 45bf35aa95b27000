import pytest
import yaml

from asicbnn.errors import SpecError
from asicbnn.technology.library import load
from asicbnn.technology.published import FOLDER, load_published, published_names

LAXOR = load_published("laxor")


@pytest.fixture
def written(tmp_path):
    """A shipped file with one thing changed."""

    def write(change):
        tree = yaml.safe_load((FOLDER / "laxor.yaml").read_text())
        change(tree)
        path = tmp_path / "chip.yaml"
        path.write_text(yaml.safe_dump(tree))
        return path

    return write


@pytest.mark.parametrize("name", published_names())
def test_shipped_chips_say_where_their_figures_come_from(name):
    chip = load_published(name)
    assert chip.name == name
    assert chip.sources
    assert chip.units


def test_energy_and_leakage_by_hand():
    counts = {
        "active_lane_steps": 3, "active_pe_steps": 2, "weight_bits_loaded": 5,
        "weight_rows_loaded": 1, "input_bits_loaded": 7,
    }  # fmt: skip
    energies = LAXOR.energies_fj(counts)
    assert energies["xor_cell"] == 3 * 0.27124
    assert energies["popcount_128b"] == 2 * 8 * 540.75
    assert energies["weight_load_bit"] == 5 * 0.408203
    assert "bias_bit" not in energies  # it leaks only
    # 4.00 mW for a cycle of 5 ns
    assert LAXOR.leakage_nw == pytest.approx(4.0e6, rel=1e-3)
    assert LAXOR.leakage_fj(1) == pytest.approx(LAXOR.leakage_nw * 5000 * 1e-6)


def test_a_published_technology_prices_no_other_design():
    with pytest.raises(SpecError, match="the unit energies of one chip price its own events"):
        load(FOLDER / "laxor.yaml")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: t["units"]["xor_cell"].pop("event"), r"needs event, the count it goes by"),
        (lambda t: t["units"]["xor_cell"].update(source="nowhere"), r"source 'nowhere' is not amo"),
        (lambda t: t["units"]["xor_cell"].update(energy_fj=-1), r"expected a number >= 0, got -1"),
        (lambda t: t.update(stage="guessed"), r"expected measured, post-layout or post-synthesis"),
        (lambda t: t.pop("clock_mhz"), r"clock_mhz: missing key"),
        (lambda t: t.update(kind="library"), r"kind: expected published, got 'library'"),
    ],
)
def test_mistakes_of_a_file_are_told(written, change, sentence):
    with pytest.raises(SpecError, match=sentence):
        load_published(written(change))


def test_a_chip_that_is_not_there_lists_the_shipped_ones(tmp_path):
    with pytest.raises(SpecError, match=r"no such file.*\n.*shipped: laxor"):
        load_published(tmp_path / "none.yaml")
