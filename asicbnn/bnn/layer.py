"""One layer as the machine executes it: a binary dot product, its threshold and its pooling.

The workload file speaks of networks as they were published; everything below `spec` speaks of
this value. Loop dimensions carry the field's letters: B batch, K out channels, C in channels,
OY OX output rows and columns, FY FX kernel, BW BA weight and activation bit planes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PadValue = Literal["none", "zero", "+1", "-1"]
PoolOrder = Literal["before_threshold", "after_threshold"]
Output = Literal["bits", "argmax"]

DIMENSIONS = ("B", "K", "C", "OY", "OX", "FY", "FX", "BW", "BA")
REDUCTION = frozenset({"C", "FY", "FX", "BW", "BA"})
RELEVANT = {
    "weight": frozenset({"K", "C", "FY", "FX", "BW"}),
    "input": frozenset({"B", "C", "OY", "OX", "FY", "FX", "BA"}),
    "psum": frozenset({"B", "K", "OY", "OX"}),
}


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Geometry and number formats of one binary layer; weights and thresholds are elsewhere.

    A dense layer after a map is a convolution whose kernel is the map. `pool` is kernel and
    stride of a max-pooling on bits (1: none). Activations of more than one bit are unsigned, or
    two's complement if `signed_input`; weights of several planes are sum_j 2^j (+-1).

    before_threshold  the network pools integers, then thresholds (flip after the OR)
    after_threshold   the network thresholds, then pools bits (flip before the OR)
    """

    name: str
    batch: int = 1
    out_channels: int
    in_channels: int
    in_y: int = 1
    in_x: int = 1
    kernel_y: int = 1
    kernel_x: int = 1
    stride: int = 1
    pad_top: int = 0
    pad_bottom: int = 0
    pad_left: int = 0
    pad_right: int = 0
    pad_value: PadValue = "none"
    weight_bits: int = 1
    activation_bits: int = 1
    signed_input: bool = False
    pool: int = 1
    pool_order: PoolOrder = "after_threshold"
    output: Output = "bits"

    def __post_init__(self) -> None:
        padded = self.pad_top + self.pad_bottom + self.pad_left + self.pad_right > 0
        if padded and self.pad_value == "none":
            raise ValueError(f"layer {self.name}: padding without a pad value")
        if self.activation_bits > 1 and self.pad_value in ("+1", "-1"):
            raise ValueError(f"layer {self.name}: {self.pad_value} pads need 1-bit activations")
        if self.out_y < 1 or self.out_x < 1:
            raise ValueError(f"layer {self.name}: the kernel is larger than the padded input")

    @property
    def full_out_y(self) -> int:
        """Output rows of the convolution, before rows no pooling window uses are dropped."""
        return (self.in_y + self.pad_top + self.pad_bottom - self.kernel_y) // self.stride + 1

    @property
    def full_out_x(self) -> int:
        """Output columns of the convolution, before columns no window uses are dropped."""
        return (self.in_x + self.pad_left + self.pad_right - self.kernel_x) // self.stride + 1

    @property
    def out_y(self) -> int:
        """Output rows computed (before pooling)."""
        return self.full_out_y // self.pool * self.pool

    @property
    def out_x(self) -> int:
        """Output columns computed (before pooling)."""
        return self.full_out_x // self.pool * self.pool

    @property
    def stored_y(self) -> int:
        """Output rows after pooling."""
        return self.out_y // self.pool

    @property
    def stored_x(self) -> int:
        """Output columns after pooling."""
        return self.out_x // self.pool

    @property
    def is_bipolar(self) -> bool:
        """True if activations are +-1 (one plane), False if they are integers."""
        return self.activation_bits == 1

    @property
    def masks_pads(self) -> bool:
        """True if padded taps must add nothing (zero padding of +-1 operands)."""
        return self.is_bipolar and self.pad_value == "zero"

    @property
    def fan_in(self) -> int:
        """Products per output."""
        return self.in_channels * self.kernel_y * self.kernel_x

    @property
    def largest_sum(self) -> int:
        """Largest weighted popcount an accumulator can hold."""
        planes: int = (2**self.weight_bits - 1) * (2**self.activation_bits - 1)
        return self.fan_in * planes

    def size(self, dimension: str) -> int:
        """Size of a loop dimension, one of `DIMENSIONS`."""
        return {
            "B": self.batch,
            "K": self.out_channels,
            "C": self.in_channels,
            "OY": self.out_y,
            "OX": self.out_x,
            "FY": self.kernel_y,
            "FX": self.kernel_x,
            "BW": self.weight_bits,
            "BA": self.activation_bits,
        }[dimension]

    @property
    def macs(self) -> int:
        """Nominal products [MAC]: padded taps in, any bit width counts 1."""
        return self.batch * self.out_channels * self.full_out_y * self.full_out_x * self.fan_in

    @property
    def binary_macs(self) -> int:
        """Nominal products times both bit widths."""
        return self.macs * self.weight_bits * self.activation_bits
