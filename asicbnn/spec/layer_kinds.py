"""The kinds of layers a workload file may hold, as they were published.

Many of them no accelerator here executes yet; they are described all the same, so that their
weights and operations are counted and what is missing has a name. Shapes are [y, x, channels],
padding is [top, bottom, left, right].
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from asicbnn.spec.fields import described
from asicbnn.spec.model import Complaint, SpecModel

Shape: TypeAlias = tuple[int, int, int]
Size: TypeAlias = Annotated[int, Field(ge=1, le=1_000_000)]
PostStep: TypeAlias = Literal[
    "batch_norm",
    "batch_norm_no_affine",
    "batch_norm_no_scale",
    "threshold",
    "sign",
    "quantise",
    "encode",
    "shift",
    "scale",
    "scale_shift",
    "relu",
    "prelu",
    "rprelu",
    "hard_tanh",
    "clip",
    "sigmoid",
    "gate_batch_norm",
    "lstm_cell",
]
"""What follows a layer. quantise: to the levels 0, 1, ... of the next layer's activation bits;
encode: a pixel becomes many bits; shift: adds a constant per channel; threshold: constants
compared with the sum, as `sign` after a folded batch norm."""

_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"


class ShapeError(ValueError):
    """A layer cannot take the shapes it is given.

    field : the field of the layer to point at
    help  : the cure
    """

    def __init__(self, field: str, message: str, help: str = "") -> None:
        super().__init__(message)
        self.field = field
        self.help = help


class AnyLayer(SpecModel):
    """What every layer has."""

    name: str = Field(
        description="the name other layers take their input by",
        pattern=_NAME,
        max_length=60,
        json_schema_extra={"wanted": "a name of letters, digits, _ and -"},
    )
    inputs: tuple[str, ...] = described((), "layers read, or 'input'; none given: the layer before")
    post: tuple[PostStep, ...] = described((), "what follows the layer, in this order")
    shape: tuple[Size, Size, Size] | None = described(
        None, "the output as published [y, x, channels]; checked against the layers before"
    )
    note: str = described("", "anything a reader should know")

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Return the shape of the output; raise ShapeError if the inputs do not fit."""
        return _only(inputs)

    def weights(self, inputs: Sequence[Shape]) -> int:
        """Return the number of weights."""
        return 0

    def macs(self, inputs: Sequence[Shape]) -> int:
        """Return the products per inference: padded taps in, any bit width counts 1 [MAC]."""
        return 0


class ProductLayer(AnyLayer):
    """A layer of weights: its number formats."""

    pre: tuple[PostStep, ...] = described(
        (), "what precedes the product, where not in another's post"
    )
    weight_bits: int = described(
        1, "1: +-1; n: sum of 2^j (+-1); 32: real numbers", unit="bit", ge=1, le=32
    )
    activation_bits: int = described(
        1, "1: +-1; n: integers; 32: real numbers", unit="bit", ge=1, le=32
    )
    weight_scale: Literal["none", "per_layer", "per_filter"] = described(
        "none", "positive factor of the binary weights"
    )
    bias: bool = described(False, "whether a bias is added to the sums")


class Window(SpecModel):
    """A window that moves over a map."""

    kernel: tuple[Size, Size] = described((1, 1), "rows and columns of the window")
    stride: Size = described(1, "step of the window", unit="pixels")
    padding: tuple[
        Annotated[int, Field(ge=0, le=1000)],
        Annotated[int, Field(ge=0, le=1000)],
        Annotated[int, Field(ge=0, le=1000)],
        Annotated[int, Field(ge=0, le=1000)],
    ] = described((0, 0, 0, 0), "pixels added [top, bottom, left, right]")

    def windows(self, shape: Shape) -> tuple[int, int]:
        """Return how many windows fit, in y and x."""
        top, bottom, left, right = self.padding
        sizes = (shape[0] + top + bottom, shape[1] + left + right)
        for axis, size, kernel in zip("yx", sizes, self.kernel, strict=True):
            if kernel > size:
                message = f"{kernel} in {axis} is larger than the padded input, which is {size}"
                raise ShapeError("kernel", message, f"the input is {list(shape)}")
        rows, columns = (
            (size - kernel) // self.stride + 1
            for size, kernel in zip(sizes, self.kernel, strict=True)
        )
        return rows, columns


class Conv(ProductLayer, Window):
    """A convolution."""

    op: Literal["conv"]
    out_channels: Size = Field(description="output channels K")
    pad_value: Literal["none", "zero", "+1", "-1"] = described(
        "none", "what is padded, after the sign; zero of +-1 activations adds nothing to the sum"
    )
    groups: Size = described(1, "groups of channels that do not mix; in channels: depthwise")

    def problems(self) -> Iterator[Complaint]:
        """Return padding without a value, and values activations cannot take."""
        if any(self.padding) and self.pad_value == "none":
            help = "it can be zero, +1 or -1; delete padding if there is none"
            yield Complaint("pad_value", "expected a value for the padding, got none", help,
                            ("padding",))  # fmt: skip
        if self.pad_value in ("+1", "-1") and self.activation_bits > 1:
            message = f"{self.pad_value} is not a level of {self.activation_bits}-bit activations"
            yield Complaint("pad_value", message, "it can be zero", ("activation_bits",))

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        shape = _only(inputs)
        for count, what in ((shape[2], "input"), (self.out_channels, "output")):
            if count % self.groups:
                message = f"{self.groups} does not divide the {count} {what} channels"
                raise ShapeError("groups", message)
        return (*self.windows(shape), self.out_channels)

    def weights(self, inputs: Sequence[Shape]) -> int:
        return self.out_channels * (inputs[0][2] // self.groups) * prod(self.kernel)

    def macs(self, inputs: Sequence[Shape]) -> int:
        return self.weights(inputs) * prod(self.windows(inputs[0]))


class Dense(ProductLayer):
    """A fully connected layer; a map is flattened in the order (y, x, channel)."""

    op: Literal["dense"]
    out_channels: Size = Field(description="outputs K")

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        _only(inputs)
        return 1, 1, self.out_channels

    def weights(self, inputs: Sequence[Shape]) -> int:
        return self.out_channels * prod(inputs[0])

    def macs(self, inputs: Sequence[Shape]) -> int:
        return self.weights(inputs)


class MaxPool(AnyLayer, Window):
    """A max-pooling; padded pixels never win."""

    op: Literal["max_pool"]
    order: Literal["before_threshold", "after_threshold"] | None = described(
        None, "what is pooled: the sums before the batch norm, or bits; null: as the layers say"
    )

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return (*self.windows(_only(inputs)), inputs[0][2])


class AveragePool(AnyLayer, Window):
    """An average-pooling."""

    op: Literal["average_pool"]

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return (*self.windows(_only(inputs)), inputs[0][2])


class GlobalAveragePool(AnyLayer):
    """The mean of a map, per channel."""

    op: Literal["global_average_pool"]

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return 1, 1, _only(inputs)[2]


class Pointwise(AnyLayer):
    """Nothing but its `post`, pixel by pixel."""

    op: Literal["pointwise"]
    out_channels: Size | None = described(
        None, "output channels of an `encode`; null: as many as in"
    )

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        rows, columns, channels = _only(inputs)
        if self.out_channels not in (None, channels) and "encode" not in self.post:
            message = f"{self.out_channels} from {channels} channels needs encode in post"
            raise ShapeError("out_channels", message)
        return rows, columns, self.out_channels or channels


class Add(AnyLayer):
    """The sum of maps: the end of a residual shortcut."""

    op: Literal["add"]

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        _several(inputs)
        if len(set(inputs)) > 1:
            raise ShapeError("inputs", f"expected equal shapes to add, got {_listed(inputs)}")
        return inputs[0]


class Concat(AnyLayer):
    """Maps one after the other, along the channels."""

    op: Literal["concat"]

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        _several(inputs)
        if len({shape[:2] for shape in inputs}) > 1:
            message = f"expected maps of one size to concatenate, got {_listed(inputs)}"
            raise ShapeError("inputs", message)
        return inputs[0][0], inputs[0][1], sum(shape[2] for shape in inputs)


class AddLastChannels(AnyLayer):
    """The second input added to the last channels of the first."""

    op: Literal["add_last_channels"]

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        if len(inputs) != 2 or inputs[0][:2] != inputs[1][:2] or inputs[1][2] > inputs[0][2]:
            message = f"expected a map and one of no more channels, got {_listed(inputs)}"
            raise ShapeError("inputs", message)
        return inputs[0]


class MultiplyChannels(AnyLayer):
    """A map times one factor per channel: the second input, a gate."""

    op: Literal["multiply_channels"]

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        if len(inputs) != 2 or inputs[1] != (1, 1, inputs[0][2]):
            message = f"expected a map and one factor per channel, got {_listed(inputs)}"
            raise ShapeError("inputs", message)
        return inputs[0]


class Lstm(ProductLayer):
    """A recurrent layer; weights and products per time step."""

    op: Literal["lstm"]
    hidden: Size = Field(description="hidden units")
    gates: Annotated[int, Field(ge=1, le=8)] = described(4, "gates: 4 for an LSTM, 3 for a GRU")
    peepholes: bool = described(False, "whether the gates see the cell")
    steps: Size = described(1, "length of the sequences trained on", unit="time steps")

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        _only(inputs)
        return 1, 1, self.hidden

    def weights(self, inputs: Sequence[Shape]) -> int:
        return self.gates * self.hidden * (prod(inputs[0]) + self.hidden)

    def macs(self, inputs: Sequence[Shape]) -> int:
        return self.weights(inputs)


WorkloadLayer: TypeAlias = Annotated[
    Conv
    | Dense
    | MaxPool
    | AveragePool
    | GlobalAveragePool
    | Pointwise
    | Add
    | Concat
    | AddLastChannels
    | MultiplyChannels
    | Lstm,
    Field(discriminator="op"),
]


def _only(inputs: Sequence[Shape]) -> Shape:
    if len(inputs) != 1:
        raise ShapeError("inputs", f"expected one input, got {len(inputs)}")
    return inputs[0]


def _several(inputs: Sequence[Shape]) -> None:
    if len(inputs) < 2:
        raise ShapeError("inputs", f"expected two or more inputs, got {len(inputs)}")


def _listed(shapes: Sequence[Shape]) -> str:
    return " and ".join(str(list(shape)) for shape in shapes) or "nothing"
