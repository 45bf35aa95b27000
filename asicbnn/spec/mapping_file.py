"""The mapping file: an explicit loop nest per layer, for `--mapping FILE`.

Explicit nests depend on the layer, so they never live in an accelerator file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from asicbnn.spec.document import KeyPath
from asicbnn.spec.model import Complaint, SpecModel

OuterDimension: TypeAlias = Literal["B", "K", "C", "OY", "OX"]
InnerDimension: TypeAlias = Literal["B", "K", "C", "OY", "OX", "FY", "FX", "BW", "BA"]

_INNER_ORDER: tuple[InnerDimension, ...] = ("B", "K", "C", "OY", "OX", "FY", "FX", "BA", "BW")

Loop: TypeAlias = tuple[
    Annotated[
        OuterDimension,
        Field(description="a dimension that is cut into tiles; FY FX BW BA are never cut"),
    ],
    Annotated[int, Field(ge=1, le=2**24, description="size of a tile")],
]


class LayerMapping(SpecModel):
    """The loops of one layer, outermost first."""

    outer: tuple[Loop, ...] = Field(
        (), description="[dimension, tile] between store and buffers; what is absent is not cut"
    )
    inner: tuple[InnerDimension, ...] = Field(
        (), description="loops inside a tile; what is absent goes innermost"
    )

    @property
    def complete_inner(self) -> tuple[InnerDimension, ...]:
        """All nine dimensions: those of ``inner``, then the rest as B K C OY OX FY FX BA BW."""
        return (*self.inner, *(d for d in _INNER_ORDER if d not in self.inner))


class MappingFile(SpecModel):
    """Loop nests for layers by name; layers that are not named follow the dataflow."""

    layers: dict[str, LayerMapping] = Field(
        min_length=1, description="layer name: {outer: [[K, 64], ...], inner: [K, OY, ...]}"
    )

    def problems(self) -> Iterator[Complaint]:
        """Return dimensions that stand twice in one list."""
        for name, layer in self.layers.items():
            yield from _twice(("layers", name, "outer"), [loop[0] for loop in layer.outer])
            yield from _twice(("layers", name, "inner"), list(layer.inner))


def _twice(path: KeyPath, dimensions: Sequence[str]) -> Iterator[Complaint]:
    for position, dimension in enumerate(dimensions):
        if dimension in dimensions[:position]:
            first = (*path, dimensions.index(dimension))
            message = f"{dimension} is in the list already; each may be there once"
            yield Complaint((*path, position), message, "delete one of them", (first,))
