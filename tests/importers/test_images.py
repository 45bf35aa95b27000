"""Images as data sets come: IDX, gzipped or not, and arrays of an .npz."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from shared_data import shared_data

from asicbnn.errors import SpecError
from asicbnn.importers.images import read_labels, read_pixels

PIXELS = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


def idx(values):
    head = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    return head + values.tobytes()


def test_idx_files_are_read_plain_and_gzipped(tmp_path):
    (tmp_path / "plain").write_bytes(idx(PIXELS))
    (tmp_path / "packed.gz").write_bytes(gzip.compress(idx(PIXELS)))
    for name in ("plain", "packed.gz"):
        read = read_pixels(tmp_path / name, (3, 4, 1))
        assert read.shape == (2, 3, 4, 1)
        assert np.array_equal(read[..., 0], PIXELS)
    (tmp_path / "labels").write_bytes(idx(np.array([7, 3], np.uint8)))
    assert read_labels(tmp_path / "labels", 2, 8).tolist() == [7, 3]


def test_arrays_are_read_and_packed_bits_are_black_and_white(tmp_path):
    np.savez(tmp_path / "a.npz", x=PIXELS, y=np.array([1, 2]))
    assert np.array_equal(read_pixels(tmp_path / "a.npz", (1, 1, 12)).reshape(2, 3, 4), PIXELS)
    assert read_labels(tmp_path / "a.npz", 2, 3).tolist() == [1, 2]
    bits = np.random.default_rng(0).random((5, 13)) < 0.5
    np.savez(tmp_path / "b.npz", x=np.packbits(bits, axis=1))
    assert np.array_equal(read_pixels(tmp_path / "b.npz", (1, 13, 1))[:, 0, :, 0], 255 * bits)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "expected an IDX file of bytes, or an .npz, got something else"),
        (b"PNG and so on", "expected an IDX file of bytes, or an .npz, got something else"),
        (idx(PIXELS)[:-1], "expected 40 bytes for [2, 3, 4], got 39"),
        (idx(PIXELS)[:9], "expected 17 bytes for [], got 9"),
        (idx(PIXELS[:, :2]), "expected images of [3, 4, 1], 12 pixels each, got [2, 4]"),
        (gzip.compress(idx(PIXELS), mtime=0)[:-9], "cannot be read: "),
    ],
)
def test_what_is_no_file_of_such_images_is_said(tmp_path, content, said):
    path = tmp_path / "images"
    path.write_bytes(content)
    with pytest.raises(SpecError) as caught:
        read_pixels(path, (3, 4, 1))
    assert str(caught.value).startswith(f"{path}: {said}")


def test_missing_files_arrays_and_classes_are_named(tmp_path):
    with pytest.raises(SpecError, match=r"none: cannot be read: no such file"):
        read_pixels(tmp_path / "none", (3, 4, 1))
    np.savez(tmp_path / "a.npz", pixels=PIXELS, y=np.zeros(3, int))
    with pytest.raises(SpecError, match=r"expected an array x, got pixels, y$"):
        read_pixels(tmp_path / "a.npz", (3, 4, 1))
    with pytest.raises(SpecError, match=r"one class for each of 2 images, got int64 \[3\]$"):
        read_labels(tmp_path / "a.npz", 2, 3)
    np.savez(tmp_path / "f.npz", x=PIXELS.astype(float))
    with pytest.raises(SpecError, match=r"images of bytes \[N, ...\], got float64 \[2, 3, 4\]$"):
        read_pixels(tmp_path / "f.npz", (3, 4, 1))


@pytest.mark.parametrize(("labels", "said"), [([0, 3], "0..3"), ([2, -1], "-1..2")])
def test_labels_beyond_the_classes_are_refused(tmp_path, labels, said):
    np.savez(tmp_path / "a.npz", y=np.array(labels))
    with pytest.raises(SpecError) as caught:
        read_labels(tmp_path / "a.npz", 2, 3)
    assert str(caught.value) == f"{tmp_path / 'a.npz'}: expected classes in 0..2, got {said}"


def test_the_mnist_test_set_is_the_same_in_both_forms():
    pixels = read_pixels(shared_data("images/mnist-t10k-images-idx3-ubyte.gz"), (28, 28, 1))
    bits = read_pixels(shared_data("images/mnist_test10k_bits.npz"), (28, 28, 1))
    assert pixels.shape == bits.shape == (10000, 28, 28, 1)
    assert np.array_equal(pixels >= 128, bits == 255)
