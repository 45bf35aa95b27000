"""Which mapping each layer runs under: a mapping file's, or the best of a dataflow's."""

from __future__ import annotations

from collections.abc import Mapping as MappingView
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from asicbnn.bnn.layer import Layer
from asicbnn.errors import MappingError
from asicbnn.levels import ResultLevel
from asicbnn.mapping.capacity import check
from asicbnn.mapping.dataflow import hold_flags
from asicbnn.mapping.layout import layout
from asicbnn.mapping.loop_nest import OUTER_DIMENSIONS, Mapping
from asicbnn.mapping.tiling import whole_tile
from asicbnn.model.choose import choose_network
from asicbnn.model.layer_search import Objective
from asicbnn.model.prices import prices
from asicbnn.spec.accelerator import Accelerator
from asicbnn.technology.library import Technology

if TYPE_CHECKING:
    from asicbnn.spec.mapping_file import LayerMapping, MappingFile

MappingSource: TypeAlias = "Path | str | MappingFile | MappingView[str, Any]"


@dataclass(frozen=True)
class Request:
    """How mappings are to be found.

    dataflow    a named one, or best
    objective   what `best` makes small: energy, cycles or edp
    exhaustive  every legal tile is a candidate
    named       explicit mappings by layer name; the others follow the dataflow
    level       of the prices that are paid
    """

    dataflow: str
    objective: Objective = "energy"
    exhaustive: bool = False
    named: MappingView[str, Mapping] | None = None
    level: ResultLevel = "cell"


def mappings(
    accelerator: Accelerator,
    technology: Technology,
    layers: Sequence[Layer],
    request: Request,
    n_cfg: int,
) -> tuple[Mapping, ...]:
    """Return the mapping of each layer.

    Raises MappingError for layers that do not fit, and for explicit mappings of no layer.
    """
    named = dict(request.named or {})
    if strange := named.keys() - {layer.name for layer in layers}:
        known = ", ".join(layer.name for layer in layers)
        raise MappingError(
            f"mapping of {', '.join(sorted(strange))}: no such layer is executed; there are {known}"
        )
    for layer in layers:
        if layer.name in named:
            check(accelerator, layer, named[layer.name], n_cfg)
    open_layers = [layer for layer in layers if layer.name not in named]
    found = {**named, **_chosen(accelerator, technology, open_layers, request, n_cfg)}
    result = tuple(found[layer.name] for layer in layers)
    if named and accelerator.sequencer.order == "fixed":
        _check_one_order(result)
    return result


def _chosen(
    accelerator: Accelerator,
    technology: Technology,
    layers: Sequence[Layer],
    request: Request,
    n_cfg: int,
) -> dict[str, Mapping]:
    """Search the layers that have no explicit mapping; an input window costs by its stride."""
    paid = [prices(accelerator, technology, layer, request.level) for layer in layers]
    choices = choose_network(
        accelerator, layers, paid, dataflow=request.dataflow, objective=request.objective,
        exhaustive=request.exhaustive, n_cfg=n_cfg,
    )  # fmt: skip
    return {x.name: choice.mapping for x, choice in zip(layers, choices, strict=True)}


def _check_one_order(chosen: Sequence[Mapping]) -> None:
    orders = {(m.inner, tuple(d for d, _ in m.outer)) for m in chosen}
    if len(orders) > 1:
        raise MappingError(
            "sequencer.order is fixed, but the layers' mappings have different loop orders; give "
            "every layer the same order or set sequencer.order: programmable"
        )


def explicit_mappings(
    source: MappingSource, accelerator: Accelerator, layers: Sequence[Layer], dataflow: str
) -> dict[str, Mapping]:
    """Read explicit mappings: a mapping file or its path, or what such a file holds.

    A dict may also give `Mapping` values by layer name. Registers are held as the dataflow says.
    """
    from asicbnn.spec.mapping_file import MappingFile
    from asicbnn.spec.reader import read, read_value

    if isinstance(source, MappingView):
        if all(isinstance(value, Mapping) for value in source.values()):
            return dict(source)
        value = source if "layers" in source else {"layers": source}
        file = read_value(dict(value), MappingFile)
    else:
        file = source if isinstance(source, MappingFile) else read(source, MappingFile)
    by_name = {layer.name: layer for layer in layers}
    hold = hold_flags(accelerator, dataflow)
    return {
        name: _mapping_of(accelerator, asked, by_name[name], hold) if name in by_name else _NOWHERE
        for name, asked in file.layers.items()
    }


_NOWHERE = Mapping(
    tuple((d, 1) for d in OUTER_DIMENSIONS), ("B", "K", "C", "OY", "OX", "FY", "FX", "BW", "BA")
)
"""Stands for the mapping of a layer that does not exist; it is refused by name later."""


def _mapping_of(
    accelerator: Accelerator, asked: LayerMapping, layer: Layer, hold: tuple[bool, bool, bool]
) -> Mapping:
    lay = layout(accelerator)
    cut = tuple((str(d), tile) for d, tile in asked.outer)
    named = {d for d, _ in cut}
    whole = tuple((d, whole_tile(lay, layer, d)) for d in OUTER_DIMENSIONS if d not in named)
    return Mapping(outer=(*whole, *cut), inner=asked.complete_inner, hold=hold)


__all__ = ["MappingSource", "Request", "explicit_mappings", "mappings"]
