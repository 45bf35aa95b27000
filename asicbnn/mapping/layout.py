"""Where the bits of an accelerator lie: word widths, port trips and records in the store.

Everything here follows from the accelerator (and, for records, the layer) alone: no mapping, no
counting. Hardware, program and model share it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from asicbnn.bnn.layer import Layer
from asicbnn.spec.accelerator import Accelerator


def ceil_div(a: int, b: int) -> int:
    """Smallest integer not below a / b."""
    return -(-a // b)


@dataclass(frozen=True)
class Layout:
    """Widths [bit], capacities [words] and ratios fixed by an accelerator.

    unroll                spatial unroll per loop dimension
    link_bits             store link word
    words_per_link        r: input words in a link word (1 if a word is wider than the link)
    links_per_word        lam: link words of an input word (1 if the link is wider)
    links_per_weight      link words of a weight word, never packed
    links_per_threshold   link words of a threshold word
    weight_slots, input_word_slots, psum_slots   port trips of one word (of one pixel's word)
    """

    unroll: dict[str, int]
    link_bits: int
    host_bits: int
    weight_word_bits: int
    input_word_bits: int
    psum_bits: int
    psum_word_bits: int
    threshold_word_bits: int
    weight_port_bits: int
    input_port_bits: int
    psum_port_bits: int
    weight_words: int
    input_words: int
    psum_words: int
    threshold_words: int
    pool_words: int
    weight_bank_words: int
    activation_bank_words: int
    largest_stride: int

    @property
    def pes(self) -> int:
        """Processing elements P."""
        u = self.unroll
        return u["B"] * u["K"] * u["OY"] * u["OX"]

    @property
    def lanes(self) -> int:
        """Binary products per PE and cycle N."""
        u = self.unroll
        return u["C"] * u["FY"] * u["FX"]

    @property
    def words_per_link(self) -> int:
        return max(1, self.link_bits // self.input_word_bits)

    @property
    def links_per_word(self) -> int:
        return max(1, self.input_word_bits // self.link_bits)

    @property
    def links_per_weight(self) -> int:
        return ceil_div(self.weight_word_bits, self.link_bits)

    @property
    def links_per_threshold(self) -> int:
        return ceil_div(self.threshold_word_bits, self.link_bits)

    @property
    def weight_slots(self) -> int:
        return ceil_div(self.weight_word_bits, self.weight_port_bits)

    @property
    def input_word_slots(self) -> int:
        return ceil_div(self.input_word_bits, self.input_port_bits)

    @property
    def psum_slots(self) -> int:
        return ceil_div(self.psum_word_bits, self.psum_port_bits)

    def window_y(self, stride: int) -> int:
        """Rows of the pixel box one step reads."""
        return (self.unroll["OY"] - 1) * stride + self.unroll["FY"]

    def window_x(self, stride: int) -> int:
        """Columns of the pixel box one step reads."""
        return (self.unroll["OX"] - 1) * stride + self.unroll["FX"]

    def input_slots(self, stride: int) -> int:
        """Port trips of one activation load: images x rows x columns x word slots."""
        box = self.window_y(stride) * self.window_x(stride)
        return self.unroll["B"] * box * self.input_word_slots

    def record_links(self, channel_words: int) -> int:
        """q(n): link words of one plane of one pixel with n channel words."""
        return self.links_per_word * ceil_div(channel_words, self.words_per_link)

    def channel_words_padded(self, channel_words: int) -> int:
        """Channel words a pixel takes in the input buffer: whole link words."""
        return self.words_per_link * ceil_div(channel_words, self.words_per_link)

    @property
    def output_piece_bits(self) -> int:
        """Bits the write channel stores in one slot."""
        return min(self.unroll["K"], self.link_bits)

    @property
    def output_pieces(self) -> int:
        """Slots one pixel of a finished word takes."""
        return max(1, self.unroll["K"] // self.link_bits)

    def output_slots(self, layer: Layer) -> int:
        """w_O: write-channel slots of a finished word (unconditional)."""
        u = self.unroll
        if layer.output == "argmax":
            return u["B"] * u["K"]
        return u["B"] * u["OY"] * u["OX"] * self.output_pieces

    @property
    def host_beats(self) -> int:
        """Host link words per store link word."""
        return ceil_div(self.link_bits, self.host_bits)

    @property
    def class_bits(self) -> int:
        """Bits of a class as argmax reports it: lane below, channel word above."""
        lanes = max(1, ceil_log2(self.unroll["K"]))
        return lanes + max(1, ceil_log2(self.threshold_words))

    @property
    def class_beats(self) -> int:
        """Host link words per class."""
        return ceil_div(self.class_bits, self.host_bits)


@lru_cache(maxsize=4096)
def layout(accelerator: Accelerator) -> Layout:
    """Layout of an accelerator; every field follows from the spec."""
    array, buffers, store = accelerator.array, accelerator.buffers, accelerator.store
    unrolled = array.unroll
    unroll = {
        "B": unrolled.batch,
        "K": unrolled.out_channels,
        "C": unrolled.in_channels,
        "OY": unrolled.out_y,
        "OX": unrolled.out_x,
        "FY": unrolled.kernel_y,
        "FX": unrolled.kernel_x,
        "BW": 1,
        "BA": 1,
    }
    pes = unroll["B"] * unroll["K"] * unroll["OY"] * unroll["OX"]
    weight_word = unroll["K"] * unroll["C"] * unroll["FY"] * unroll["FX"]
    psum_bits = accelerator.psum_bits
    # a psum word carries the padded-tap counter of each of its pixels beside the sums
    psum_word = (pes + unroll["OY"] * unroll["OX"]) * psum_bits
    threshold_word = unroll["K"] * (psum_bits + 2)
    link = store.link.bits
    return Layout(
        unroll=unroll,
        link_bits=link,
        host_bits=accelerator.host.link_bits,
        weight_word_bits=weight_word,
        input_word_bits=unroll["C"],
        psum_bits=psum_bits,
        psum_word_bits=psum_word,
        threshold_word_bits=threshold_word,
        weight_port_bits=min(buffers.weight.port_bits or weight_word, weight_word),
        input_port_bits=min(buffers.input.port_bits or unroll["C"], unroll["C"]),
        psum_port_bits=min(buffers.psum.port_bits or psum_word, psum_word),
        weight_words=buffers.weight.words,
        input_words=buffers.input.words,
        psum_words=buffers.psum.words,
        threshold_words=buffers.threshold.words,
        pool_words=buffers.pool.words if "max_pool" in accelerator.post else 0,
        weight_bank_words=int(store.kib.weights * 8192) // link,
        activation_bank_words=int(store.kib.activations * 4096) // link,
        largest_stride=max(array.strides),
    )


def ceil_log2(n: int) -> int:
    """Bits that number n values: ceil(log2 n), 0 for n = 1."""
    return (n - 1).bit_length()


__all__ = ["Layout", "ceil_div", "ceil_log2", "layout"]
