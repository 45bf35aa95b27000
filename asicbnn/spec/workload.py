"""The workload file: a network as it was published, with its sources.

It carries what the exact integer semantics depend on (sign of zero, pad values, pool order, bits
per operand, scales) and the totals of its source, which the layers are checked against.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from asicbnn.bnn.arithmetic import activation_range
from asicbnn.spec.fields import described
from asicbnn.spec.layer_kinds import Size, WorkloadLayer
from asicbnn.spec.model import Complaint, SpecModel
from asicbnn.spec.network import Node, resolve
from asicbnn.spec.reader import read

_Count = Annotated[int, Field(ge=0)]


class NetworkInput(SpecModel):
    """What the network reads."""

    shape: tuple[Size, Size, Size] = Field(description="of one image [y, x, channels]")
    bits: int = described(1, "of one value; 1: +-1", unit="bit", ge=1, le=32)
    signed: bool = described(False, "two's complement instead of unsigned, for more than one bit")
    offset: int = described(
        0, "added to stored pixels to get the network's input", ge=-(2**31), le=2**31
    )
    note: str = described("", "anything a reader should know")

    def problems(self) -> Iterator[Complaint]:
        """Return a sign or an offset that one bit cannot have."""
        if self.bits == 1:
            for name in ("signed", "offset"):
                if getattr(self, name):
                    message = f"expected {'false' if name == 'signed' else 0} where bits is 1"
                    yield Complaint(name, message, "one bit is +1 or -1", ("bits",))

    @property
    def range(self) -> tuple[int, int]:
        """Smallest and largest value."""
        return activation_range(self.bits, signed=self.signed)


class Totals(SpecModel):
    """Sums over the layers, per inference (recurrent networks: per time step), batch 1.

    One product counts 1 MAC whatever its bits: macs_binary of one-bit weights and activations,
    macs_binary_weight of one-bit weights and wider activations, macs_other the rest.
    """

    weights: _Count
    weight_bits: _Count
    macs: _Count
    macs_binary: _Count
    macs_binary_weight: _Count
    macs_other: _Count

    @classmethod
    def of(cls, nodes: Iterable[Node]) -> Totals:
        """Return the totals of layers."""
        kinds = {"macs_binary": 0, "macs_binary_weight": 0, "macs_other": 0}
        weights = weight_bits = 0
        for node in nodes:
            weights += node.weights
            weight_bits += node.weights * node.weight_bits
            binary = node.weight_bits == 1
            both = binary and node.activation_bits == 1
            kind = "macs_binary" if both else "macs_binary_weight" if binary else "macs_other"
            kinds[kind] += node.macs
        return cls(weights=weights, weight_bits=weight_bits, macs=sum(kinds.values()), **kinds)


class ParameterCounts(SpecModel):
    """Trained values as the source counts them: weights, biases, batch norms and the like."""

    every_batch_norm_vector: _Count | None = described(None, "four values per batch-norm channel")
    two_per_batch_norm_channel: _Count | None = described(None, "scale and shift alone")
    published: _Count | None = described(None, "the source's own figure")


class Workload(SpecModel):
    """A network: its layers in the order in which they are computed."""

    name: str = Field(
        description="names the results",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$",
        max_length=100,
        json_schema_extra={"wanted": "a name of letters, digits and _ . + -"},
    )
    title: str = described("", "the network in one line")
    status: str = described("", "where the figures come from")
    dataset: str = described("", "what it was trained on")
    sources: tuple[str, ...] = described((), "where the layers were read")
    reported: tuple[str, ...] = described((), "accuracy, with its source")
    notes: tuple[str, ...] = described((), "anything a reader should know")
    sign_of_zero: Literal[1, 0, -1] = described(
        1, "the sign of exactly 0: 1; 0 in torch.sign (folded as 1); -1 if only greater is +1"
    )
    input: NetworkInput = Field(description="what the network reads")
    weights: str | None = described(None, "an .npz of trained parameters, a path from this file")
    totals: Totals | None = described(None, "the source's sums; the layers must agree")
    parameters: ParameterCounts | None = described(None, "trained values as the source counts them")
    layers: tuple[WorkloadLayer, ...] = Field(description="the network")

    def problems(self) -> Iterator[Complaint]:
        """Return layers that do not chain, and totals they do not add up to."""
        if not self.layers:  # not a min_length: pydantic would count only the sound layers
            yield Complaint("layers", "expected at least one layer, got an empty list")
        nodes, complaints = self._resolved
        yield from complaints
        if self.totals is None or complaints:
            return
        found = Totals.of(nodes)
        for name in Totals.model_fields:
            stated, sum_of_layers = getattr(self.totals, name), getattr(found, name)
            if stated != sum_of_layers:
                message = f"the layers add up to {sum_of_layers}, got {stated}"
                yield Complaint(f"totals.{name}", message, "correct the layer that differs")

    @cached_property
    def _resolved(self) -> tuple[list[Node], list[Complaint]]:
        return resolve(self.input.shape, self.input.bits, self.layers)

    @property
    def nodes(self) -> list[Node]:
        """The layers with the shapes they have in this network."""
        return list(self._resolved[0])


def read_workload(path: Path | str) -> Workload:
    """Return the workload in a file, its weights as a path that can be opened from here.

    Raises SpecError with all problems of the file.
    """
    workload = read(path, Workload)
    if workload.weights is None:
        return workload
    return workload.model_copy(update={"weights": str(Path(path).parent / workload.weights)})
