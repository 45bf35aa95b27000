"""Test images as data sets come: IDX files (MNIST), plain or gzipped, and arrays in an .npz."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from math import prod
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from asicbnn.errors import Problem, SpecError

_UINT8 = 8  # the type byte of an IDX file of unsigned bytes
_MOST_BYTES = 2**30
_UNREADABLE = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error)


def read_pixels(path: Path | str, shape: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    """Return images as pixels 0..255 [N, y, x, C].

    path   an IDX file of bytes, or an .npz with uint8 images `x`: pixels, or one bit per pixel
           packed by numpy.packbits, which become 0 and 255
    shape  of one image [y, x, channels]

    Raises SpecError if the file holds no images of this shape.
    """
    values = _values(Path(path), "x")
    size = prod(shape)
    packed = -(-size // 8)
    if values.ndim < 2 or values.dtype != np.uint8:
        _refuse(path, f"expected images of bytes [N, ...], got {values.dtype} {list(values.shape)}")
    flat = values.reshape(len(values), -1)
    if values.ndim == 2 and flat.shape[1] == packed != size:
        flat = np.unpackbits(flat, axis=1, count=size) * np.uint8(255)
    if flat.shape[1] != size:
        given = list(values.shape[1:])
        _refuse(path, f"expected images of {list(shape)}, {size} pixels each, got {given}")
    return flat.reshape(len(values), *shape)


def read_labels(path: Path | str, count: int, classes: int) -> npt.NDArray[np.int64]:
    """Return the class of each of `count` images: an IDX file of bytes, or array `y` of an .npz.

    Raises SpecError unless there is one for every image, in 0..classes - 1.
    """
    values = _values(Path(path), "y")
    if values.dtype.kind not in "iu" or values.shape != (count,):
        given = f"{values.dtype} {list(values.shape)}"
        _refuse(path, f"expected one class for each of {count} images, got {given}")
    least, most = (int(values.min()), int(values.max())) if count else (0, 0)
    if least < 0 or most >= classes:
        _refuse(path, f"expected classes in 0..{classes - 1}, got {least}..{most}")
    return values.astype(np.int64)


def _values(path: Path, name: str) -> npt.NDArray[Any]:
    try:
        if zipfile.is_zipfile(path):
            return _of_archive(path, name)
        with path.open("rb") as file:
            is_gzipped = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if is_gzipped else path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except _UNREADABLE as error:
        reason = getattr(error, "strerror", None) or str(error) or "damaged"
        _refuse(path, f"cannot be read: {reason.lower()}")
    return _of_idx(path, data)


def _of_archive(path: Path, name: str) -> npt.NDArray[Any]:
    with np.load(path, allow_pickle=False) as archive:
        if name not in archive.files:
            held = ", ".join(archive.files[:6]) or "none"
            _refuse(path, f"expected an array {name}, got {held}")
        values: npt.NDArray[Any] = archive[name]
    return values


def _of_idx(path: Path, data: bytes) -> npt.NDArray[np.uint8]:
    """Return the array of an IDX file: 0 0 type rank, sizes as big-endian words, the values."""
    if len(data) < 4 or data[:3] != bytes((0, 0, _UINT8)):
        _refuse(path, "expected an IDX file of bytes, or an .npz, got something else")
    rank = data[3]
    head = 4 + 4 * rank
    sizes = np.frombuffer(data[4:head], ">u4") if len(data) >= head else np.zeros(0, ">u4")
    shape = tuple(int(size) for size in sizes)
    if rank == 0 or len(shape) != rank or head + prod(shape) != len(data):
        wanted = head + prod(shape)
        _refuse(path, f"expected {wanted} bytes for {list(shape)}, got {len(data)}")
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape)


def _refuse(path: Path | str, message: str) -> NoReturn:
    raise SpecError(Problem(message, str(path)))


__all__ = ["read_labels", "read_pixels"]
