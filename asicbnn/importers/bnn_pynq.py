"""The parameter folders of BNN-PYNQ (Xilinx): one file of weights and one of thresholds per PE.

`L-P-weights.bin` holds uint64 words, `L-P-thres.bin` int64 values, both little endian, of layer L
and PE P. Neuron n is computed by PE n mod PEs; its synapses lie SIMD to a word, the first in bit 0,
a convolution's in the order kernel row, kernel column, input channel. Neurons and synapses are
padded to whole words; a padded synapse has weight bit 1 and meets an input bit 0, which adds
nothing to a popcount. An activation is 1 if popcount(xnor) > threshold; first layers of 8-bit
inputs compare with 8 fractional bits, of inputs with 7. The last layer's largest popcount wins.

The folder does not say which network it belongs to: the workload does, and the numbers of PEs and
SIMD lanes follow from the files.

Source: github Xilinx/BNN-PYNQ @d39c1c7 (BSD-3), bnn/src/library/finn-hlslib and
bnn/src/training/finnthesizer.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from asicbnn.bnn.arithmetic import Ints, bipolar
from asicbnn.bnn.layer import Layer
from asicbnn.bnn.reference import Parameters
from asicbnn.errors import Problem, SpecError

_WORD_BITS = 64
_THRESHOLD_FRACTION_BITS = 8
_INPUT_FRACTION_BITS = 7
INPUT_BITS = _INPUT_FRACTION_BITS + 1
_NAME = re.compile(r"(\d+)-(\d+)-(weights|thres)\.bin")


def read_parameters(folder: Path | str, layers: Sequence[Layer]) -> list[Parameters]:
    """Return the parameters of a network's layers from a folder of `.bin` files.

    layers  the network the parameters were trained for, in order

    Raises SpecError naming the file that is missing, is left over, or has another size than the
    layers call for.
    """
    source = _Folder(Path(folder))
    if source.layers != len(layers):
        source.refuse(
            f"expected files of {len(layers)} layers, as the workload has, got {source.layers}",
            help="name the workload these parameters were trained for",
        )
    return [_layer_parameters(source, index, layer) for index, layer in enumerate(layers)]


def input_pixels(pixels: npt.NDArray[np.uint8], layer: Layer) -> Ints:
    """Return images as the networks of BNN-PYNQ read them, for storing beside the weights.

    pixels  0..255 [N, y, x, C]. One-bit inputs are 1 from 128 on; 8-bit inputs are 2 p / 255 - 1
            in fixed point of 7 fractional bits, halves rounded up.
    """
    if layer.is_bipolar:
        return (pixels >= 128).astype(np.uint8)
    doubled = 2 * pixels.astype(np.int64)  # 128 (2 p / 255 - 1) + 1/2, floored: all in integers
    scale = 1 << _INPUT_FRACTION_BITS
    rounded = (2 * scale * (doubled - 255) + 255) // 510
    return np.clip(rounded, -scale, scale - 1).astype(np.int8)


class _Folder:
    """A folder of parameter files that words its own complaints."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            names = [entry.name for entry in path.iterdir()]
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            self.refuse(
                f"cannot be read as a folder: {reason}", help="name the folder of .bin files"
            )
        self._files: dict[tuple[int, str], set[int]] = {}
        for match in filter(None, map(_NAME.fullmatch, names)):
            layer, pe, kind = int(match[1]), int(match[2]), match[3]
            self._files.setdefault((layer, kind), set()).add(pe)
        found = {layer for layer, kind in self._files if kind == "weights"}
        self.layers = max(found, default=-1) + 1
        if not found:
            self.refuse(
                "there is no file named like 0-0-weights.bin in it",
                help="name the folder of one network, such as params/mnist/lfcW1A1",
            )

    def refuse(self, message: str, file: str = "", help: str = "") -> NoReturn:
        raise SpecError(Problem(message, str(self.path / file if file else self.path), help=help))

    def rows(self, layer: int, kind: str, dtype: str) -> npt.NDArray[Any]:
        """Return the words of all PEs of a layer [PE, words]."""
        there = self._files.get((layer, kind), set())
        others = [some for (of, _), some in self._files.items() if of == layer]
        if not others:
            self.refuse(
                "no such file", f"{layer}-0-{kind}.bin", f"there is no file of layer {layer} at all"
            )
        count = max(pe for some in others for pe in some) + 1
        rows: list[npt.NDArray[Any]] = []
        for pe in range(count):
            name = f"{layer}-{pe}-{kind}.bin"
            if pe not in there:
                self.refuse("no such file", name, f"layer {layer} has files of {count} PEs")
            try:
                data = (self.path / name).read_bytes()
            except OSError as error:
                self.refuse(f"cannot be read: {(error.strerror or str(error)).lower()}", name)
            if not data or len(data) % 8 or (rows and len(data) != 8 * len(rows[0])):
                wanted = f"{8 * len(rows[0])} bytes" if rows else "a multiple of 8 bytes"
                self.refuse(
                    f"expected {wanted}, got {len(data)}", name, "the file may be cut short"
                )
            rows.append(np.frombuffer(data, dtype))
        return np.stack(rows)


@dataclass(frozen=True)
class _Folding:
    """How a layer was cut into words: `groups` of PEs neurons, `words` of `lanes` synapses."""

    lanes: int
    words: int
    groups: int


def _folding(source: _Folder, index: int, layer: Layer, rows: npt.NDArray[np.uint64]) -> _Folding:
    """Return what the sizes and the highest weight bit that is ever set say."""
    pes, held = rows.shape
    lanes = int(np.bitwise_or.reduce(rows, axis=None)).bit_length()
    words = -(-layer.fan_in // max(1, lanes))
    groups = held // words
    if lanes == 0 or held != groups * words or groups * pes < layer.out_channels:
        wanted = -(-layer.out_channels // pes)
        source.refuse(
            f"expected {layer.out_channels} neurons of {layer.fan_in} synapses for {layer.name}: "
            f"{8 * wanted * words} bytes for each of {pes} PEs of {lanes} lanes, got {8 * held}",
            f"{index}-0-weights.bin",
            "name the workload these parameters were trained for",
        )
    return _Folding(lanes, words, groups)


def _layer_parameters(source: _Folder, index: int, layer: Layer) -> Parameters:
    rows = source.rows(index, "weights", "<u8")
    folding = _folding(source, index, layer, rows)
    pes, neurons = len(rows), layer.out_channels
    octets = rows.astype("<u8").view(np.uint8).reshape(pes, folding.groups, folding.words, 8)
    bits = np.unpackbits(octets, axis=3, bitorder="little")[..., : folding.lanes]
    # a neuron's number counts PEs fastest, a synapse's the lanes of a word
    flat = bits.transpose(1, 0, 2, 3).reshape(folding.groups * pes, -1)
    if not flat[:neurons, layer.fan_in :].all():
        source.refuse(
            f"{layer.name} has {layer.fan_in} synapses, and not every weight bit behind them is "
            "the 1 of a padded one",
            f"{index}-0-weights.bin",
            "name the workload these parameters were trained for",
        )
    signs = bipolar(flat[:neurons, : layer.fan_in])
    taps = signs.reshape(neurons, layer.kernel_y, layer.kernel_x, layer.in_channels)
    weights = np.ascontiguousarray(taps.transpose(0, 3, 1, 2))
    thresholds = _thresholds(source, index, layer, pes)
    return Parameters(weights, thresholds, np.zeros(neurons, bool))


def _thresholds(source: _Folder, index: int, layer: Layer, pes: int) -> npt.NDArray[np.int64]:
    """Return thresholds on the sum: "popcount > t" is "sum >= 2 t - fan_in + 1"."""
    if layer.output == "argmax":  # the largest popcount wins, whatever its threshold
        return np.zeros(layer.out_channels, np.int64)
    rows = source.rows(index, "thres", "<i8")
    if len(rows) != pes or rows.size < layer.out_channels:
        source.refuse(
            f"expected thresholds of {layer.out_channels} neurons on {pes} PEs for {layer.name}, "
            f"got {rows.size} on {len(rows)}",
            f"{index}-0-thres.bin",
        )
    given = rows.T.reshape(-1)[: layer.out_channels].astype(np.int64)
    if layer.is_bipolar:
        return 2 * given - layer.fan_in + 1
    # sum / 2^7 > t / 2^8, in integers
    ratio = 1 << (_THRESHOLD_FRACTION_BITS - _INPUT_FRACTION_BITS)
    return given // ratio + 1


__all__ = ["INPUT_BITS", "input_pixels", "read_parameters"]
