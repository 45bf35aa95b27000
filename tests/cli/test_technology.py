"""The verb technology: import, show and list, at the command line."""

import json
from pathlib import Path

import jsonschema
import pytest
from liberty_styles import STYLES
from typer.testing import CliRunner

from asicbnn.cli import app
from asicbnn.result import result_schema
from asicbnn.technology.library import load, names

ROOT = Path(__file__).parents[2]


def run(*arguments):
    return CliRunner().invoke(app, ["technology", *map(str, arguments)])


@pytest.fixture
def lib(tmp_path):
    path = tmp_path / "mine.lib"
    path.write_text(STYLES["skywater"].library())
    return path


def test_an_imported_technology_prices_an_accelerator_at_once(lib, tmp_path):
    target = tmp_path / "mine.yaml"
    done = run("import", lib, "--name", "mine", "--node", 28, "-o", target)
    assert done.exit_code == 0
    assert "vendor__NAND2_1" in done.stdout
    assert done.stderr.splitlines()[-1] == f"wrote {target}"
    assert load(target).node_nm == 28
    spec = (ROOT / "arch_specs/tiny.yaml").read_text()
    accelerator = tmp_path / "tiny.yaml"
    accelerator.write_text(spec.replace("technology: sky130hd", f"technology: {target}"))
    network = ROOT / "workloads/digits_mlp_64_256_256_10.yaml"
    estimated = CliRunner().invoke(app, ["estimate", str(accelerator), str(network), "--json"])
    assert estimated.exit_code == 0
    assert json.loads(estimated.stdout)["technology"] == "mine"


def test_json_of_import_show_and_list(lib, tmp_path):
    target = tmp_path / "mine.yaml"
    imported = run("import", lib, "--name", "mine", "-o", target, "--json")
    shown, listed = run("show", target, "--json"), run("list", "--json")
    for done in (imported, shown, listed):
        assert done.exit_code == 0
        jsonschema.validate(json.loads(done.stdout), result_schema())
    of_import, of_show = json.loads(imported.stdout), json.loads(shown.stdout)
    assert of_import["cells"] == of_show["cells"]
    assert of_show["cells"]["inverter"]["delay_fo4_ps"] == pytest.approx(28.5)
    assert of_show["cells"]["clock_buffer"]["composed"]
    assert [t["technology"] for t in json.loads(listed.stdout)["technologies"]] == list(names())


def test_a_file_that_exists_is_replaced_only_by_force(lib, tmp_path):
    target = tmp_path / "mine.yaml"
    target.write_text("keep me")
    refused = run("import", lib, "--name", "mine", "-o", target)
    assert refused.exit_code == 2
    assert refused.stderr == f"{target} exists; --force replaces it\n"
    assert target.read_text() == "keep me"
    assert run("import", lib, "--name", "mine", "-o", target, "--force").exit_code == 0
    assert load(target).name == "mine"


def test_a_broken_library_leaves_nothing_behind(lib, tmp_path):
    lib.write_text(lib.read_text()[:5000])
    done = run("import", lib, "--name", "mine", "-o", tmp_path / "out/mine.yaml")
    assert done.exit_code == 2
    assert f"{lib}:" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.lib"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--name", "a/b"], "--name must be a word such as my28nm, not 'a/b'"),
        (["--name", "m", "-o", "m.txt"], "--output must end in .yaml, not 'm.txt'"),
    ],
)
def test_options_that_make_no_file(lib, options, sentence):
    done = run("import", lib, *options)
    assert (done.exit_code, done.stderr.strip()) == (2, sentence)


def test_a_place_that_cannot_be_written(lib, tmp_path):
    (tmp_path / "folder.yaml").mkdir()
    done = run("import", lib, "--name", "m", "-o", tmp_path / "folder.yaml", "--force")
    assert done.exit_code == 3


@pytest.mark.parametrize("name", names())
def test_every_shipped_technology_is_shown_with_its_sources(name):
    done = run("show", name)
    assert done.exit_code == 0
    for word in ("inverter", "clock_gate", "FO4 delay ps", "sources"):
        assert word in done.stdout
    shown = " ".join(done.stdout.split())
    assert "clock_tree_fanout assumed 16" in shown
    for role, cell in load(name).cells.items():
        assert role in shown
        assert cell.composition in shown


def test_an_unknown_technology():
    done = run("show", "sky13")
    assert done.exit_code == 2
    assert "did you mean 'sky130hd'?" in done.stderr


def test_the_list_names_what_is_composed():
    listed = run("list").stdout
    assert all(name in listed for name in names())
    line = next(line for line in listed.splitlines() if line.startswith("sky130hd"))
    assert line.rstrip().endswith("none")


@pytest.mark.parametrize(("words", "bits"), [(64, 10**12), (10**12, 8), (2**24 + 1, 8)])
def test_memories_nobody_builds_are_refused(words, bits):
    done = run("memory", "sky130hd", "--words", words, "--bits", bits)
    assert done.exit_code == 2
    assert "expected a number <= " in done.stderr
