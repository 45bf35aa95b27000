"""`asicbnn import`: files written, and sentences where they cannot be."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from asicbnn.bnn.weights import load_weights
from asicbnn.cli import app
from asicbnn.spec.lowering import lower
from asicbnn.spec.workload import read_workload

WORKLOAD = """\
# a comment that is kept
name: two
sources: [made up]
input: {shape: [1, 1, 6], bits: 1}
weights: old.npz
layers:
  - {name: fc1, op: dense, out_channels: 3, post: [batch_norm, sign]}
  - {name: fc2, op: dense, out_channels: 2}
"""


def run(*arguments):
    return CliRunner().invoke(app, ["import", *map(str, arguments)])


@pytest.fixture
def given(tmp_path):
    """A folder of parameters with one PE, all weights +1, and the workload it belongs to."""
    folder = tmp_path / "parameters"
    folder.mkdir()
    for layer, (words, bits) in enumerate(((3, 6), (2, 3))):
        weights = struct.pack(f"<{words}Q", *[2**bits - 1] * words)
        (folder / f"{layer}-0-weights.bin").write_bytes(weights)
        (folder / f"{layer}-0-thres.bin").write_bytes(struct.pack(f"<{words}q", *range(words)))
    workload = tmp_path / "two.yaml"
    workload.write_text(WORKLOAD)
    return folder, workload, tmp_path / "out"


def test_a_folder_becomes_a_workload_with_its_weights(given):
    folder, workload, out = given
    done = run("bnn-pynq", folder, workload, "--output", out)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == f"wrote {out / 'two.yaml'}\nwrote {out / 'two.npz'}\n"
    assert (out / "two.yaml").read_text() == WORKLOAD.replace("old.npz", "two.npz")
    network = read_workload(out / "two.yaml")
    first, _ = load_weights(Path(network.weights), lower(network).layers)
    assert first.thresholds.tolist() == [2 * t - 6 + 1 for t in range(3)]
    assert sorted(path.name for path in out.iterdir()) == ["two.npz", "two.yaml"]


def test_images_come_along(given, tmp_path):
    folder, workload, out = given
    pixels = np.array([[0, 127, 128, 255, 3, 200]], np.uint8)
    np.savez(tmp_path / "images.npz", x=pixels, y=np.array([1]))
    done = run("bnn-pynq", folder, workload, "-o", out, "--images", tmp_path / "images.npz")
    assert done.exit_code == 0, done.stderr
    with np.load(out / "two.npz") as stored:
        assert stored["images"].ravel().tolist() == [0, 0, 1, 1, 0, 1]
        assert stored["labels"].tolist() == [1]


def test_bad_input_is_a_sentence_and_writes_nothing(given, tmp_path):
    folder, workload, out = given
    labels = run("bnn-pynq", folder, workload, "-o", out, "--labels", "y.npz")
    assert labels.stderr == "--labels are of images: name those with --images\n"
    (folder / "1-0-weights.bin").write_bytes(b"1234567")
    cut = run("bnn-pynq", folder, workload, "-o", out)
    file = folder / "1-0-weights.bin"
    assert cut.stderr.startswith(f"{file}: expected a multiple of 8 bytes, got 7\n")
    elsewhere = run("bnn-pynq", tmp_path, workload, "-o", out)
    assert "there is no file named like 0-0-weights.bin in it" in elsewhere.stderr
    assert [x.exit_code for x in (labels, cut, elsewhere)] == [2, 2, 2]
    assert not out.exists()


def test_a_network_that_is_not_executed_has_no_weights_to_store(given):
    folder, workload, out = given
    real = WORKLOAD.replace("out_channels: 2", "out_channels: 2, weight_bits: 32")
    workload.write_text(real)
    done = run("bnn-pynq", folder, workload, "-o", out)
    assert done.exit_code == 2
    assert done.stderr.startswith("two is not executed as a whole: not executed: fc2 (fc2: its we")


def test_a_place_that_cannot_be_written_is_the_environments(given, tmp_path):
    folder, workload, _ = given
    (tmp_path / "file").write_text("")
    done = run("bnn-pynq", folder, workload, "-o", tmp_path / "file")
    assert done.exit_code == 3
    file = tmp_path / "file"
    said = f"cannot be written: {file} is a file, not a folder"
    assert done.stderr == f"{file / 'two.yaml'}: {said}\n"


@pytest.mark.parametrize("link", [False, True])
def test_the_users_own_workload_is_never_overwritten(given, tmp_path, link):
    folder, workload, _ = given
    place = tmp_path
    if link:
        place = tmp_path / "link"
        place.symlink_to(tmp_path)
    (tmp_path / "two.npz").write_text("mine")
    done = run("bnn-pynq", folder, workload, "-o", place)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"{workload}: would be overwritten")
    assert workload.read_text() == WORKLOAD
    assert (tmp_path / "two.npz").read_text() == "mine"


def test_the_users_own_weights_are_never_overwritten(given, tmp_path):
    folder, workload, out = given
    workload.write_text(WORKLOAD.replace("old.npz", "out/two.npz"))
    out.mkdir()
    (out / "two.npz").write_text("mine")
    done = run("bnn-pynq", folder, workload, "-o", out)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"{out / 'two.npz'}: would be overwritten")
    assert [path.name for path in out.iterdir()] == ["two.npz"]
    assert (out / "two.npz").read_text() == "mine"


def test_a_label_beyond_the_classes_is_refused(given, tmp_path):
    folder, workload, out = given
    np.savez(tmp_path / "images.npz", x=np.zeros((1, 6), np.uint8), y=np.array([2]))
    done = run("bnn-pynq", folder, workload, "-o", out, "--images", tmp_path / "images.npz")
    assert done.exit_code == 2
    assert done.stderr == f"{tmp_path / 'images.npz'}: expected classes in 0..1, got 2..2\n"
    assert not out.exists()


def test_weights_that_cannot_be_written_leave_nothing(given, monkeypatch):
    folder, workload, out = given

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("numpy.savez_compressed", full)
    done = run("bnn-pynq", folder, workload, "-o", out)
    assert done.exit_code == 3
    assert done.stderr == f"{out / 'two.npz'}: cannot be written: No space left on device\n"
    assert list(out.iterdir()) == []
