"""Trained parameters and test images in one `.npz` file.

    <layer>.weights_packed   uint8: the signs of one-bit weights [K, C, FY, FX], numpy.packbits
    <layer>.weights          or: signed integers [K, C, FY, FX], for weights of several bits
    <layer>.thresholds       int64 [K], on the sum
    <layer>.flips            bool [K]
    images, labels           optional: stored pixels [N, y * x * C] or [N, y, x, C], classes [N]

The file is a user's file: it is read without pickling, no array is read before its size is known,
and whatever is wrong with it becomes a `SpecError` that names the array and the cure.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from asicbnn.bnn.arithmetic import Ints, activation_range, bipolar, bits_of
from asicbnn.bnn.layer import Layer
from asicbnn.bnn.reference import Parameters
from asicbnn.errors import Problem, SpecError
from asicbnn.replacing import replacing

_HEADER_BYTES = 4096
_LARGEST_IMAGES_BYTES = 2**30
_UNREADABLE = (
    OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError,
    RuntimeError, MemoryError, SyntaxError,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Images:
    """Test images as a layer's activations [N, IY, IX, C], and their classes [N] where known."""

    activations: Ints
    labels: npt.NDArray[np.int64] | None


def save_weights(
    path: Path,
    layers: Sequence[Layer],
    parameters: Sequence[Parameters],
    **others: npt.NDArray[Any],
) -> None:
    """Write the parameters of `layers`, and other arrays such as images and labels.

    Raises EnvironmentProblem where the file cannot be written.
    """
    arrays = dict(others)
    for layer, learned in zip(layers, parameters, strict=True):
        learned.check(layer)
        if layer.weight_bits == 1:
            arrays[f"{layer.name}.weights_packed"] = np.packbits(bits_of(learned.weights))
        else:
            arrays[f"{layer.name}.weights"] = learned.weights
        arrays[f"{layer.name}.thresholds"] = learned.thresholds
        arrays[f"{layer.name}.flips"] = learned.flips
    with replacing(path) as beside, beside.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def load_weights(path: Path, layers: Sequence[Layer]) -> list[Parameters]:
    """Read the parameters of `layers`; raise a SpecError if the file does not hold them."""
    with _Archive(path) as archive:
        return [_parameters_of(archive, layer) for layer in layers]


def load_images(path: Path, layer: Layer, offset: int = 0) -> Images | None:
    """Read the test images for the first layer of a network, or None if the file has none.

    offset  added to every stored pixel. One-bit images are stored as 0 and 1 and take none.
    """
    with _Archive(path) as archive:
        if "images" not in archive.names:
            return None
        pixels = archive.array("images", _LARGEST_IMAGES_BYTES)
        labels = (
            archive.array("labels", _LARGEST_IMAGES_BYTES) if "labels" in archive.names else None
        )
    shape = (layer.in_y, layer.in_x, layer.in_channels)
    size = int(np.prod(shape))
    if pixels.dtype.kind not in "iub" or pixels.shape[1:] not in (shape, (size,)):
        wanted = f"integers [N, {size}] or [N, {', '.join(map(str, shape))}]"
        raise archive.wrong("images", wanted, _described(pixels), "it must be the network's input")
    low, high = _pixel_range(layer, offset)
    if pixels.size and not low <= (darkest := int(pixels.min())) <= int(pixels.max()) <= high:
        is_shifted = offset and not layer.is_bipolar
        shifted = f" ({low + offset}..{high + offset} with the offset)" if is_shifted else ""
        wanted, given = f"pixels in {low}..{high}{shifted}", f"{darkest}..{int(pixels.max())}"
        raise archive.wrong("images", wanted, given, "set input.offset or input.bits")
    stored = pixels.reshape(len(pixels), *shape).astype(np.int64)
    activations: Ints = bipolar(stored) if layer.is_bipolar else stored + offset
    if labels is not None and (labels.dtype.kind not in "iu" or labels.shape != pixels.shape[:1]):
        wanted = f"integers [{len(pixels)}]"
        raise archive.wrong("labels", wanted, _described(labels), "one class per image")
    return Images(activations, None if labels is None else labels.astype(np.int64))


def _pixel_range(layer: Layer, offset: int) -> tuple[int, int]:
    """Least and greatest pixel that may be stored, compared before anything can wrap around."""
    if layer.is_bipolar:
        return 0, 1
    low, high = activation_range(layer.activation_bits, signed=layer.signed_input)
    return low - offset, high - offset


def _parameters_of(archive: _Archive, layer: Layer) -> Parameters:
    shape = (layer.out_channels, layer.in_channels, layer.kernel_y, layer.kernel_x)
    size = int(np.prod(shape))
    channels = (layer.out_channels,)
    packed, plain = f"{layer.name}.weights_packed", f"{layer.name}.weights"
    if layer.weight_bits == 1 and plain not in archive.names:
        stored = archive.exactly(packed, "uint8", (-(-size // 8),))
        weights: Ints = bipolar(np.unpackbits(stored, count=size).reshape(shape))
    else:
        weights = archive.array(plain, 8 * size)
        if weights.dtype.kind != "i" or weights.shape != shape:
            wanted = f"signed integers {list(shape)}"
            raise archive.wrong(plain, wanted, _described(weights))
    thresholds = archive.exactly(f"{layer.name}.thresholds", "int64", channels)
    flips = archive.exactly(f"{layer.name}.flips", "bool", channels)
    try:
        parameters = Parameters(weights, thresholds, flips)
        parameters.check(layer)
    except ValueError as error:
        raise archive.refused(str(error), layer.name) from None
    return parameters


class _Archive:
    """An open `.npz` file that words its own complaints."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise self.refused("no such file", help=_similar(path)) from None
        except _UNREADABLE as error:
            reason = getattr(error, "strerror", None) or "not an .npz file, or cut short"
            raise self.refused(reason.lower(), help="write it again with numpy.savez") from None
        self.names = [n.removesuffix(".npy") for n in self._zip.namelist() if n.endswith(".npy")]

    def __enter__(self) -> _Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def refused(self, message: str, array: str = "", help: str = "") -> SpecError:
        return SpecError(Problem(message, str(self.path), path=array, help=help))

    def wrong(self, array: str, wanted: str, given: str, help: str = "") -> SpecError:
        default = "correct the layer in the workload, or export the weights of this network"
        return self.refused(f"expected {wanted}, got {given}", array, help or default)

    def array(self, name: str, most_bytes: int) -> npt.NDArray[Any]:
        """Return an array of at most `most_bytes` [byte] (and its header)."""
        if name not in self.names:
            near = get_close_matches(name, self.names, 1)
            held = ", ".join(self.names[:6]) + (", ..." if len(self.names) > 6 else "")
            help = f"did you mean '{near[0]}'?" if near else f"the file holds {held or 'no array'}"
            raise self.refused("missing array", name, help)
        entry = self._zip.getinfo(f"{name}.npy")
        if entry.file_size > most_bytes + _HEADER_BYTES:
            wanted = f"at most {most_bytes} bytes"
            raise self.wrong(name, wanted, f"{entry.file_size}")
        try:
            with self._zip.open(entry) as file:
                values: npt.NDArray[Any] = npy.read_array(file, allow_pickle=False)
        except _UNREADABLE as error:
            message = "holds Python objects" if "pickle" in str(error).lower() else "damaged array"
            help = "numpy could not read it: write the file again with numpy.savez"
            raise self.refused(message, name, help) from None
        return values

    def exactly(self, name: str, kind: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        """Return an array that must have this type and shape."""
        values = self.array(name, 8 * int(np.prod(shape)))
        if values.dtype != np.dtype(kind) or values.shape != shape:
            raise self.wrong(name, f"{kind} {list(shape)}", _described(values))
        return values


def _described(values: npt.NDArray[Any]) -> str:
    return f"{values.dtype} {list(values.shape)}"


def _similar(path: Path) -> str:
    try:
        near = get_close_matches(path.name, [entry.name for entry in path.parent.iterdir()], 1)
    except OSError:
        return f"the folder {path.parent} is not there either"
    return f"did you mean '{path.with_name(near[0])}'?" if near else "name an .npz file"
