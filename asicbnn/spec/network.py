"""A workload's layers put together: who reads whom, in which shape and number format.

Every rule between layers is checked here, so that what comes after may take a network as sound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from asicbnn.spec.layer_kinds import (
    AnyLayer,
    Concat,
    Lstm,
    MaxPool,
    Pointwise,
    ProductLayer,
    Shape,
    ShapeError,
    WorkloadLayer,
)
from asicbnn.spec.model import Complaint
from asicbnn.spec.wording import suggest

INPUT = "input"
"""The name by which layers read the network's input."""

Format: TypeAlias = Literal["bits", "integers", "real"]
"""What a map holds: +-1, integers of a few bits, or sums and real numbers."""


@dataclass(frozen=True)
class Node:
    """A layer in its network.

    sources       names of what it reads; `INPUT` for the network's input
    input_shapes  their shapes [y, x, channels]
    shape         its output's
    format        of its output, after `post`
    """

    layer: WorkloadLayer
    sources: tuple[str, ...]
    input_shapes: tuple[Shape, ...]
    input_formats: tuple[Format, ...]
    shape: Shape
    format: Format

    @property
    def name(self) -> str:
        return self.layer.name

    @property
    def weights(self) -> int:
        """Number of weights."""
        return self.layer.weights(self.input_shapes)

    @property
    def macs(self) -> int:
        """Products per inference, batch 1 [MAC]."""
        return self.layer.macs(self.input_shapes)

    @property
    def weight_bits(self) -> int:
        """Bits of one weight; 0 where there are none."""
        return self.layer.weight_bits if isinstance(self.layer, ProductLayer) else 0

    @property
    def activation_bits(self) -> int:
        """Bits of one activation; 0 where there are no products."""
        return self.layer.activation_bits if isinstance(self.layer, ProductLayer) else 0


@dataclass
class _Resolver:
    """Follows the layers in the order of the file."""

    input_bits: int
    shapes: dict[str, Shape]
    formats: dict[str, Format]
    nodes: list[Node] = field(default_factory=list)
    complaints: list[Complaint] = field(default_factory=list)
    seen: set[str] = field(default_factory=lambda: {INPUT})

    def add(self, position: int, layer: WorkloadLayer, previous: str) -> None:
        at = f"layers[{position}]"
        sources = layer.inputs or (previous,)
        unknown = list(self._unknown(at, layer, sources))
        self.complaints += unknown
        if layer.name in self.seen:
            message = f"'{layer.name}' is given more than once, or the name of the input"
            self.complaints.append(Complaint(f"{at}.name", message, "give it another name"))
        self.seen.add(layer.name)
        if unknown or any(source not in self.shapes for source in sources):
            self._assume(layer)  # the fault upstream is reported once, not at every follower
            return
        shapes = tuple(self.shapes[source] for source in sources)
        formats = tuple(self.formats[source] for source in sources)
        try:
            shape = layer.output_shape(shapes)
        except ShapeError as misfit:
            where, help = f"{at}.{misfit.field}", misfit.help or _reads(sources, shapes)
            self.complaints.append(Complaint(where, str(misfit), help))
            self._assume(layer)
            return
        if layer.shape is not None and layer.shape != shape:
            message = f"expected {list(shape)}, got {list(layer.shape)}"
            help = f"{_reads(sources, shapes)}: correct the layer, or delete shape"
            self.complaints.append(Complaint(f"{at}.shape", message, help))
        node = Node(layer, sources, shapes, formats, shape, output_format(layer, formats))
        self.complaints += _format_complaints(at, node, self.input_bits)
        self.nodes.append(node)
        self.shapes[layer.name], self.formats[layer.name] = shape, node.format

    def _unknown(
        self, at: str, layer: WorkloadLayer, sources: Sequence[str]
    ) -> Iterator[Complaint]:
        for position, source in enumerate(sources):
            if source not in self.seen:
                help = suggest(source, sorted(self.seen))
                message = f"there is no layer '{source}' before '{layer.name}'"
                help = help or "layers come in the order in which they are computed"
                yield Complaint(f"{at}.inputs[{position}]", message, help)

    def _assume(self, layer: WorkloadLayer) -> None:
        """Go on with the shape the file states, to find independent problems further down."""
        if layer.shape is not None:
            self.shapes[layer.name] = layer.shape
            self.formats[layer.name] = output_format(layer, ("real",))


def resolve(
    shape: Shape, bits: int, layers: Sequence[WorkloadLayer]
) -> tuple[list[Node], list[Complaint]]:
    """Return the layers put together, and every rule they break.

    shape, bits : of the network's input
    """
    first: Format = "bits" if bits == 1 else "integers"
    resolver = _Resolver(bits, {INPUT: shape}, {INPUT: first})
    previous = INPUT
    for position, layer in enumerate(layers):
        resolver.add(position, layer, previous)
        previous = layer.name
    if not resolver.complaints:
        resolver.complaints += _unread(resolver.nodes)
    return resolver.nodes, resolver.complaints


def output_format(layer: AnyLayer, inputs: Sequence[Format]) -> Format:
    """Return the number format of a layer's output."""
    for step in reversed(layer.post):
        if step in ("sign", "encode"):
            return "bits"
        return "integers" if step == "quantise" else "real"
    keeps = isinstance(layer, MaxPool | Pointwise | Concat)
    return inputs[0] if keeps and len(set(inputs)) == 1 else "real"


def product_input_format(node: Node) -> Format:
    """Return the number format of the activations a product reads, after its `pre`."""
    assert isinstance(node.layer, ProductLayer)
    if not node.layer.pre:
        return node.input_formats[0]
    last = node.layer.pre[-1]
    return "bits" if last == "sign" else "integers" if last == "quantise" else "real"


def _format_complaints(at: str, node: Node, input_bits: int) -> Iterable[Complaint]:
    layer = node.layer
    if isinstance(layer, MaxPool) and layer.order is not None:
        pooled = node.input_formats[0]
        if (layer.order == "after_threshold") != (pooled == "bits"):
            message = f"{layer.order}, but {node.sources[0]} gives {_FORMAT_WORDS[pooled]}"
            help = "sign stands in the post of the layer before, or in the pooling's own"
            yield Complaint(f"{at}.order", message, help)
    if not isinstance(layer, ProductLayer) or isinstance(layer, Lstm):
        return  # what a recurrent layer multiplies with its state has its own bits
    reads, bits = product_input_format(node), layer.activation_bits
    if (bits == 1) != (reads == "bits"):
        message = f"{bits} bit, but the layer reads {_FORMAT_WORDS[reads]} ({node.sources[0]})"
        help = "add 'pre: [sign]', or say how many bits it reads" if bits == 1 else "it can be 1"
        yield Complaint(f"{at}.activation_bits", message, help)
    elif node.sources[0] == INPUT and not layer.pre and bits != input_bits:
        message = f"{bits} bit, but the input has {input_bits}"
        yield Complaint(
            f"{at}.activation_bits", message, f"it can be {input_bits}", ("input.bits",)
        )


_FORMAT_WORDS: dict[Format, str] = {
    "bits": "bits",
    "integers": "integers of several bits",
    "real": "sums or real numbers",
}


def _unread(nodes: Sequence[Node]) -> Iterator[Complaint]:
    read = {source for node in nodes for source in node.sources}
    for position, node in enumerate(nodes[:-1]):
        if node.name not in read:
            message = f"no layer reads '{node.name}', and only the last is the output"
            help = "name it in the inputs of the layer that reads it, or delete it"
            yield Complaint(f"layers[{position}].name", message, help)


def _reads(sources: Sequence[str], shapes: Sequence[Shape]) -> str:
    parts = [f"{name} {list(shape)}" for name, shape in zip(sources, shapes, strict=True)]
    return f"it reads {' and '.join(parts)}"
