"""From a workload to the layers an accelerator executes, and a list of what it cannot.

A product is taken together with what follows it (batch norm, sign, max-pooling) until its output
is bits again, or a class. Whatever monotone steps lie between the sum and the sign, they are one
threshold per channel. A layer that cannot be executed is listed with the reason and its weights
and operations: covered and not covered add up to the totals of the network, always.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from asicbnn.bnn.layer import Layer, PoolOrder
from asicbnn.spec.layer_kinds import Conv, Dense, MaxPool, Pointwise, ProductLayer
from asicbnn.spec.network import INPUT, Node, product_input_format
from asicbnn.spec.workload import Workload

_INCREASING = frozenset({"relu", "hard_tanh", "clip"})
_MONOTONE = _INCREASING | {
    "batch_norm", "batch_norm_no_affine", "batch_norm_no_scale", "threshold", "shift", "scale",
    "scale_shift",
}  # fmt: skip
_ENDS_OF_CLASSIFIERS = (_MONOTONE - _INCREASING) | {"sigmoid"}
_MOST_BITS = 16
"""Beyond these an integer is taken for a real number."""


@dataclass(frozen=True)
class NotCovered:
    """A layer of the workload that no accelerator executes yet.

    op       as in the workload file
    reason   why not, in a sentence
    weights  number of weights
    macs     products for the whole batch [MAC]
    """

    name: str
    op: str
    reason: str
    weights: int
    macs: int


@dataclass(frozen=True)
class Lowered:
    """A workload cut into what is executed and what is not.

    layers         in the order of the workload
    not_covered    likewise
    fused          per layer: the names of the workload's layers it stands for
    is_executable  True if the layers are the whole network, one after the other
    reason         why it is not executable, else empty
    remarks        what is exact only under a condition
    """

    layers: tuple[Layer, ...]
    not_covered: tuple[NotCovered, ...]
    fused: tuple[tuple[str, ...], ...]
    is_executable: bool
    reason: str
    remarks: tuple[str, ...]

    @property
    def covered_macs(self) -> int:
        """Products of the layers, for the whole batch [MAC]."""
        return sum(layer.macs for layer in self.layers)

    @property
    def not_covered_macs(self) -> int:
        """Products of what is not executed, for the whole batch [MAC]."""
        return sum(layer.macs for layer in self.not_covered)


class _NotCoveredError(Exception):
    """Carries the reason a product is not covered."""


@dataclass
class _Tail:
    """What follows a product until its output is bits.

    before, after  steps on the sums before and after the pooling
    pool           kernel and stride; 1: none. pooled_bits: pooled after the sign
    absorbed       names of the layers that are part of it
    """

    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    pool: int = 1
    pooled_bits: bool = False
    ends_in_bits: bool = False
    moved_pool: Node | None = None
    absorbed: list[str] = field(default_factory=list)

    def take(self, steps: Sequence[str]) -> None:
        if not steps:
            return
        if self.ends_in_bits:
            raise _NotCoveredError(f"its bits go through {steps[0]}")
        target = self.after if self.pool > 1 or self.moved_pool else self.before
        *operations, last = steps
        self.ends_in_bits = last == "sign"
        target += operations if self.ends_in_bits else steps
        if "sign" in operations:
            raise _NotCoveredError("a sign stands in the middle of its post")


def lower(workload: Workload, batch: int = 1) -> Lowered:
    """Return the layers of a workload an accelerator executes on `batch` images at once."""
    return _Lowering(workload, batch).run()


class _Lowering:
    def __init__(self, workload: Workload, batch: int) -> None:
        self.workload = workload
        self.batch = batch
        self.nodes = workload.nodes
        self.by_name = {node.name: node for node in self.nodes}
        self.readers: dict[str, list[Node]] = {}
        for node in self.nodes:
            for source in node.sources:
                self.readers.setdefault(source, []).append(node)

    def run(self) -> Lowered:
        covered: dict[str, tuple[Layer, _Tail]] = {}
        reasons: dict[str, str] = {}
        for node in self.nodes:
            if not isinstance(node.layer, ProductLayer):
                continue
            try:
                covered[node.name] = self._covered(node)
            except _NotCoveredError as error:
                reasons[node.name] = str(error)
        absorbed = {name for _, tail in covered.values() for name in tail.absorbed}
        not_covered = tuple(
            self._not_covered(node, reasons, covered)
            for node in self.nodes
            if node.name not in covered and node.name not in absorbed
        )
        reason = self._obstacle(covered, not_covered)
        return Lowered(
            layers=tuple(layer for layer, _ in covered.values()),
            not_covered=not_covered,
            fused=tuple((name, *tail.absorbed) for name, (_, tail) in covered.items()),
            is_executable=not reason,
            reason=reason,
            remarks=tuple(self._remarks(covered)),
        )

    def _covered(self, node: Node) -> tuple[Layer, _Tail]:
        """Return the layer a product becomes, with what it absorbs."""
        layer = self._product(node)
        tail = _Tail()
        last = self._follow(node, tail)
        if not tail.ends_in_bits:
            return self._classifier(node, layer, tail, last), tail
        order = _pool_order(tail)
        return replace(layer, pool=tail.pool, pool_order=order), tail

    def _product(self, node: Node) -> Layer:
        """Return the product alone; raise if the array cannot compute it."""
        kind = node.layer
        if not isinstance(kind, Conv | Dense):
            raise _NotCoveredError("recurrent layers, their gates and cell are not yet built")
        if kind.weight_bits > _MOST_BITS:
            raise _NotCoveredError(f"its weights are real numbers ({kind.weight_bits} bit)")
        self._check_activations(node, kind)
        if isinstance(kind, Conv) and kind.groups > 1:
            depthwise = kind.groups == node.input_shapes[0][2]
            name = "a depthwise convolution" if depthwise else f"grouped ({kind.groups} groups)"
            raise _NotCoveredError(f"it is {name}, and the array mixes all input channels")
        in_y, in_x, in_channels = node.input_shapes[0]
        shared = Layer(
            name=node.name,
            batch=self.batch,
            out_channels=kind.out_channels,
            in_channels=in_channels,
            in_y=in_y,
            in_x=in_x,
            kernel_y=in_y,
            kernel_x=in_x,
            weight_bits=kind.weight_bits,
            activation_bits=kind.activation_bits,
            signed_input=self._is_signed(node),
        )
        if isinstance(kind, Dense):
            return shared
        top, bottom, left, right = kind.padding
        return replace(
            shared,
            kernel_y=kind.kernel[0],
            kernel_x=kind.kernel[1],
            stride=kind.stride,
            pad_top=top,
            pad_bottom=bottom,
            pad_left=left,
            pad_right=right,
            pad_value=kind.pad_value if any(kind.padding) else "none",
        )

    def _check_activations(self, node: Node, kind: Conv | Dense) -> None:
        if product_input_format(node) == "real" or kind.activation_bits > _MOST_BITS:
            raise _NotCoveredError(
                f"its activations are real numbers ({kind.activation_bits} bit in hardware)"
            )

    def _is_signed(self, node: Node) -> bool:
        """Return whether integers of several bits are two's complement: as the input says."""
        bits = node.activation_bits
        return bits > 1 and node.sources[0] == INPUT and self.workload.input.signed

    def _follow(self, node: Node, tail: _Tail) -> Node:
        """Walk on while one layer alone reads the output and can be part of it."""
        tail.take(node.layer.post)
        while len(readers := self.readers.get(node.name, [])) == 1:
            reader = readers[0]
            if isinstance(reader.layer, Pointwise) and not tail.ends_in_bits:
                tail.take(reader.layer.post)
            elif isinstance(reader.layer, MaxPool) and _is_plain(reader.layer, tail):
                tail.pool = reader.layer.kernel[0]
                tail.pooled_bits = tail.ends_in_bits
                tail.take(reader.layer.post)
            else:
                break
            tail.absorbed.append(reader.name)
            node = reader
        if not tail.ends_in_bits:
            self._reach_sign(node, tail)
        return node

    def _reach_sign(self, node: Node, tail: _Tail) -> None:
        """Look for the sign at the head of the only reader, or behind a pooling left outside."""
        readers = self.readers.get(node.name, [])
        if not readers:
            return
        reader = readers[0]
        if len(readers) == 1 and isinstance(reader.layer, ProductLayer) and reader.layer.pre:
            tail.take(reader.layer.pre)
        elif len(readers) == 1 and isinstance(reader.layer, MaxPool) and tail.pool == 1:
            # thresholds commute with max-pooling, up to the flip, which moves behind it
            tail.moved_pool = reader
            tail.take(reader.layer.post)
        if not tail.ends_in_bits:
            names = " and ".join(reader.name for reader in readers)
            steps = tail.after or tail.before
            sums = f"its sums after {steps[-1]}" if steps else "its sums"
            raise _NotCoveredError(f"{sums} go to {names}, and only bits can be put out yet")

    def _classifier(self, node: Node, layer: Layer, tail: _Tail, last: Node) -> Layer:
        """Return the last layer of a network, whose largest sum is the answer."""
        foreign = [step for step in tail.before if step not in _ENDS_OF_CLASSIFIERS]
        if last.shape[:2] != (1, 1) or tail.pool > 1 or foreign:
            what = foreign[0] if foreign else "a map"
            raise _NotCoveredError(f"the network ends in {what}, not in the largest of its sums")
        return replace(layer, output="argmax")

    def _not_covered(
        self, node: Node, reasons: dict[str, str], covered: dict[str, tuple[Layer, _Tail]]
    ) -> NotCovered:
        reason = reasons.get(node.name) or _reason(node)
        moved = [name for name, (_, tail) in covered.items() if tail.moved_pool is node]
        if moved:
            reason += f"; the threshold after it is {moved[0]}'s, a flip comes after the pooling"
        return NotCovered(node.name, node.layer.op, reason, node.weights, node.macs * self.batch)

    def _obstacle(
        self, covered: dict[str, tuple[Layer, _Tail]], not_covered: tuple[NotCovered, ...]
    ) -> str:
        """Return why the covered layers are not the whole network in one chain, or nothing."""
        if not_covered:
            first = not_covered[0]
            more = f" and {len(not_covered) - 1} more" if len(not_covered) > 1 else ""
            return f"not executed: {first.name}{more} ({first.name}: {first.reason})"
        if not covered:
            return "no layer has weights"
        previous = INPUT
        for name, (_, tail) in covered.items():
            node = self.by_name[name]
            if node.sources != (previous,):
                return f"{name} reads {node.sources[0]}, not {previous}: layers run in one chain"
            previous = tail.absorbed[-1] if tail.absorbed else name
        return ""

    def _remarks(self, covered: dict[str, tuple[Layer, _Tail]]) -> Iterator[str]:
        for name, (layer, tail) in covered.items():
            node = self.by_name[name]
            assert isinstance(node.layer, ProductLayer)
            scaled = [s for s in tail.before if s.startswith("batch_norm") or s == "scale"]
            if node.layer.weight_scale == "per_filter":
                scaled.append("the weight scale per filter")
            if layer.output == "argmax" and scaled:
                yield (
                    f"{name}: one integer per class stands for {scaled[0]}, which is exact where "
                    "its scales are positive and equal"
                )
        if self.workload.sign_of_zero == 0:
            yield "an activation of exactly 0 (torch.sign) is taken as +1"


def _is_plain(pool: MaxPool, tail: _Tail) -> bool:
    """Return whether a pooling can be part of a layer: kernel = stride, no padding, the first."""
    square = pool.kernel[0] == pool.kernel[1] == pool.stride
    of_bits_alone = not (tail.ends_in_bits and pool.post)
    return square and not any(pool.padding) and tail.pool == 1 and of_bits_alone


def _pool_order(tail: _Tail) -> PoolOrder:
    """Return where the pooling stands, or raise if the steps around it are no threshold."""
    for step in (*tail.before, *tail.after):
        if step not in _MONOTONE:
            raise _NotCoveredError(f"{step} stands between its sum and its sign")
    if tail.pool == 1 and tail.moved_pool is None:
        return "after_threshold"
    if tail.pooled_bits or (tail.before and all(step in _INCREASING for step in tail.after)):
        return "after_threshold"
    if all(step in _INCREASING for step in tail.before):
        return "before_threshold" if tail.pool > 1 else "after_threshold"
    raise _NotCoveredError("it has a batch norm on both sides of its pooling")


def _reason(node: Node) -> str:
    kind = node.layer
    if isinstance(kind, MaxPool):
        if any(kind.padding):
            return "padded poolings are not yet built"
        if not kind.kernel[0] == kind.kernel[1] == kind.stride:
            window = f"kernel {list(kind.kernel)}, stride {kind.stride}"
            return f"poolings that overlap or leave gaps ({window}) are not yet built"
        return "poolings are executed only as part of the product before them"
    return {
        "add": "residual sums are not yet built",
        "add_last_channels": "residual sums are not yet built",
        "average_pool": "average poolings are not yet built",
        "global_average_pool": "average poolings are not yet built",
        "concat": "maps are not concatenated yet",
        "multiply_channels": "gates are not yet built",
        "pointwise": f"{' and '.join(kind.post) or 'copying'} alone is not yet built",
    }[kind.op]
