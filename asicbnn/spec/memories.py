"""The memories an accelerator asks for: buffers next to the array, the store behind them."""

from __future__ import annotations

from math import floor
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from asicbnn.spec.external import ExternalMemory
from asicbnn.spec.fields import described, only
from asicbnn.spec.model import SpecModel

MemoryKind: TypeAlias = Literal["sram", "latch", "register"]
Ports: TypeAlias = Literal["1rw", "1r1w"]
_LARGEST_WORDS = 2**24
_EXTRAPOLATE = "price an SRAM below the range of the fit all the same; reports flag it"
_WORDS = "depth; a ping-pong buffer splits it in two halves"
_PORT = "width of the port; null is the whole word; a narrower one takes several cycles a word"


class WeightBuffer(SpecModel):
    """Weights next to the array; a word holds one weight per output channel and lane."""

    kind: MemoryKind = described("sram", "what the memory is made of")
    words: int = described(256, _WORDS, unit="words", ge=1, le=_LARGEST_WORDS)
    port_bits: int | None = described(None, _PORT, unit="bit", ge=1, le=2**20)
    ping_pong: bool = described(True, "fill one half while the other is read")
    read_latency: Literal[1] = only(1, "cycles from address to data")
    extrapolate: bool = described(False, _EXTRAPOLATE)


class InputBuffer(SpecModel):
    """Activations next to the array; a word holds in_channels bits of one pixel."""

    kind: MemoryKind = described("latch", "what the memory is made of")
    words: int = described(1024, _WORDS, unit="words", ge=1, le=_LARGEST_WORDS)
    port_bits: int | None = described(None, _PORT, unit="bit", ge=1, le=2**20)
    banks: Literal[1] = only(1, "memories interleaved by column")
    ping_pong: bool = described(True, "fill one half while the other is read")
    circular_rows: bool = described(False, "keep rows that neighbouring tiles share in a ring")
    ports: Ports = described("1rw", "1rw: one access per cycle; 1r1w: a read and a write")
    read_latency: Literal[1] = only(1, "cycles from address to data")
    extrapolate: bool = described(False, _EXTRAPOLATE)


class PsumBuffer(SpecModel):
    """Unfinished sums; a word holds one accumulator per PE."""

    kind: MemoryKind = described("register", "what the memory is made of")
    words: int = described(32, "depth; 0 builds none", unit="words", ge=0, le=_LARGEST_WORDS)
    port_bits: int | None = described(None, _PORT, unit="bit", ge=1, le=2**20)
    ports: Ports = described("1r1w", "1rw: one access per cycle; 1r1w: a read and a write")
    read_latency: Literal[1] = only(1, "cycles from address to data")
    extrapolate: bool = described(False, _EXTRAPOLATE)


class ThresholdBuffer(SpecModel):
    """Thresholds of one layer; a word holds one threshold per unrolled output channel."""

    kind: MemoryKind = described("latch", "what the memory is made of")
    words: int = described(32, "depth", unit="words", ge=1, le=_LARGEST_WORDS)
    extrapolate: bool = described(False, _EXTRAPOLATE)


class PoolBuffer(SpecModel):
    """Unfinished max-pooling windows, built when post holds max_pool."""

    kind: MemoryKind = described("latch", "what the memory is made of")
    words: int = described(64, "depth", unit="words", ge=1, le=_LARGEST_WORDS)
    extrapolate: bool = described(False, _EXTRAPOLATE)


class Buffers(SpecModel):
    """The memories between the store and the array."""

    weight: WeightBuffer = described(WeightBuffer(), "weights next to the array")
    input: InputBuffer = described(InputBuffer(), "activations next to the array")
    psum: PsumBuffer = described(PsumBuffer(), "unfinished sums")
    threshold: ThresholdBuffer = described(ThresholdBuffer(), "thresholds of one layer")
    pool: PoolBuffer = described(PoolBuffer(), "unfinished max-pooling windows")
    shared_port: bool = described(False, "weight and input buffer behind one port")


class Sram(SpecModel):
    """How memories of kind sram are priced."""

    macros: Literal["fit", "exact"] = described(
        "fit", "fit: the model fitted to real macros; exact: the smallest macros that exist"
    )
    lists: tuple[Annotated[str, Field(min_length=1)], ...] = described(
        (), "macros of your memory compiler: CSV or Liberty; none: those of the technology"
    )


class StoreSize(SpecModel):
    """The sizes of the store."""

    weights: float = described(96.0, "weights and thresholds", unit="KiB", gt=0, le=2**22)
    activations: float = described(
        32.0, "both activation banks together, half each", unit="KiB", gt=0, le=2**22
    )


class Link(SpecModel):
    """The link between the store and the buffers; the store's word is as wide."""

    bits: int = described(64, "bits per cycle", unit="bit", ge=1, le=65536)
    latency_cycles: int = described(8, "from request to first word", unit="cycles", ge=1, le=65535)
    every: Literal[1] = only(1, "cycles per link word")


class Store(SpecModel):
    """The memory that holds weights, and activations between layers."""

    kind: Literal["sram", "rom", "external"] = described(
        "sram",
        "sram on the chip; rom: weights in a ROM (macros of sram.lists, else of cells), "
        "activations in an SRAM; or external",
    )
    external: ExternalMemory | None = described(None, "the memory outside, for kind: external")
    kib: StoreSize = described(StoreSize(), "sizes")
    link: Link = described(Link(), "the link to the buffers")
    extrapolate: bool = described(False, _EXTRAPOLATE)

    @property
    def weight_words(self) -> int:
        """Link words of the weight and threshold bank."""
        return floor(self.kib.weights * 8192 / self.link.bits)

    @property
    def activation_words(self) -> int:
        """Link words of each of the two activation banks."""
        return floor(self.kib.activations * 4096 / self.link.bits)


__all__ = [
    "Buffers",
    "InputBuffer",
    "Link",
    "MemoryKind",
    "PoolBuffer",
    "Ports",
    "PsumBuffer",
    "Sram",
    "Store",
    "StoreSize",
    "ThresholdBuffer",
    "WeightBuffer",
]
