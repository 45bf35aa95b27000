"""Technologies between those there are libraries of: figures interpolated over the node.

Only between anchors, libraries whose cells were measured, and in the logarithm of both node and
figure. What lies beyond is refused. A node does not fix a library (two of 130 nm differ by 1.9 in
area), so every figure is printed with a factor of 2 either way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, PositiveFloat

from asicbnn.errors import Problem, SpecError
from asicbnn.technology.between import Between
from asicbnn.technology.form import Figure, Form, Name, read_form
from asicbnn.technology.library import Technology, load, names

_FILE = Path(__file__).parent / "figures" / "nodes.yaml"
_ANCHORS: Final[Mapping[float, tuple[str, ...]]] = {
    130: ("sky130hd", "ihp_sg13g2"), 7: ("asap7",), 2: ("gt2n",),
}  # fmt: skip
"""Libraries by node; what is not shipped anchors nothing."""


class ScaledFile(Form):
    """A file of kind `scaled`: the node, a name for it, and how much its transistors leak.

    off_current_na_per_um  of a transistor that is off, at the node's own voltage: a process has
                           flavours, and a node does not say which; with its source and error
    """

    kind: Literal["scaled"]
    name: Name
    node_nm: PositiveFloat
    off_current_na_per_um: Figure | None = None
    sources: dict[str, Name] = Field(default_factory=dict)


class _BitCell(Form):
    node_nm: PositiveFloat
    area_um2: Figure


class _NodesFile(Form):
    sources: dict[str, Name]
    reference_um2: Figure
    bit_cells: tuple[_BitCell, ...]


@lru_cache(maxsize=1)
def _nodes() -> _NodesFile:
    return read_form(_NodesFile, _FILE.read_bytes(), _FILE.name)


def anchors() -> dict[float, tuple[str, ...]]:
    """Return the shipped libraries that anchor a node, coarsest first."""
    shipped = names()
    found = {node: tuple(n for n in some if n in shipped) for node, some in _ANCHORS.items()}
    return {node: some for node, some in found.items() if some}


def interpolated(node_nm: float, points: Sequence[tuple[float, float]]) -> float:
    """Return a value at a node, straight between its neighbours in log-log.

    points  (node [nm], value > 0), coarsest first

    Raises ValueError for a node that lies outside the points.
    """
    for (coarse, before), (fine, after) in pairwise(points):
        if fine <= node_nm <= coarse:
            share = math.log(node_nm / coarse) / math.log(fine / coarse)
            return math.exp((1 - share) * math.log(before) + share * math.log(after))
    raise ValueError(f"{node_nm:g} nm is not within {points[-1][0]:g} to {points[0][0]:g} nm")


def bit_cell_um2(node_nm: float) -> float:
    """Area of the densest SRAM bit cell at a node [um2].

    Interpolated between published six-transistor cells (figures/nodes.yaml); beyond the coarsest
    it is that one's, below the finest it shrinks with the square of the node.
    """
    cells = [(cell.node_nm, cell.area_um2.value) for cell in _nodes().bit_cells]
    (coarsest, _), (finest, least) = cells[0], cells[-1]
    if node_nm < finest:
        return least * (node_nm / finest) ** 2
    return interpolated(min(node_nm, coarsest), cells)


def bit_cell_ratio(node_nm: float) -> float:
    """Area of an SRAM bit cell at a node over that of the fitted macros' node."""
    return bit_cell_um2(node_nm) / _nodes().reference_um2.value


def read_scaled(data: bytes, path: str) -> Technology:
    """Return the technology of a file of kind `scaled`.

    Raises SpecError, with the key, for a node no two libraries enclose, and for an off-current
    where the libraries around the node state no width of their inverters.
    """
    file = read_form(ScaledFile, data, path)
    try:
        found = replace(scaled(file.node_nm), name=file.name)
    except SpecError as error:
        raise SpecError(replace(p, file=path, path="node_nm") for p in error.problems) from None
    if file.off_current_na_per_um is None:
        return found
    try:
        return leaking(found, file.off_current_na_per_um)
    except ValueError as error:
        problem = Problem(
            str(error), path, path="off_current_na_per_um",
            help="leave it out, or set node_nm between libraries that state inverter_width_um",
        )  # fmt: skip
        raise SpecError(problem) from None


def leaking(technology: Technology, off_current_na_per_um: Figure) -> Technology:
    """Return a technology whose transistors leak so much when they are off.

    All leakage goes by the ratio to the current its own inverter has (library.py); speed and
    energy stay. Raises ValueError for a technology without an inverter's width or a figure <= 0.
    """
    own, asked = technology.off_current_na_per_um, off_current_na_per_um
    if own is None:
        raise ValueError(
            f"{technology.name} states no width of its inverter, and so no current per width"
        )
    if not asked.value > 0:
        raise ValueError(f"expected a current > 0 [nA/um], got {asked.value:g}")
    by = asked.value / own
    cells = {
        role: replace(cell, leakage_nw=cell.leakage_nw * by)
        for role, cell in technology.cells.items()
    }
    ratio = technology.sram.leakage_ratio
    leaks = ratio.model_copy(update={"value": ratio.value * by})
    said = (
        f"{technology.name} leaks {asked.value:g} nA/um, as its file says ({asked.source}), "
        f"{by:.3g} times what lies between the libraries"
    )
    return replace(
        technology,
        digest=f"{technology.digest} leaking {asked.value!r} nA/um, {asked.relative_error!r}",
        cells=cells,
        sram=technology.sram.model_copy(update={"leakage_ratio": leaks}),
        leakage_error=1.0 if asked.relative_error is None else asked.relative_error,
        flags=(*technology.flags, said),
    )


def named_scaled(name: str) -> Technology:
    """Return the technology that a name such as ``scaled:28`` stands for.

    Raises SpecError for a name without a node, and for a node as `scaled` does.
    """
    text = name.removeprefix("scaled:").removesuffix("nm").strip()
    try:
        node_nm = float(text)
    except ValueError:
        node_nm = math.nan
    if not (math.isfinite(node_nm) and node_nm > 0):
        message = f"expected scaled:NODE with a node in nm, such as scaled:28, got '{name}'"
        raise SpecError(Problem(message, path="technology"))
    return scaled(node_nm)


@lru_cache(maxsize=256)
def scaled(node_nm: float) -> Technology:
    """Return a technology at a node, interpolated between the libraries on either side of it.

    Raises SpecError for a node no two anchors enclose.
    """
    known = anchors()
    coarsest, finest = max(known), min(known)
    if not finest <= node_nm <= coarsest:
        raise SpecError(
            Problem(
                f"{node_nm:g} nm lies outside the nodes there are libraries of, {finest:g} to "
                f"{coarsest:g} nm; nothing is extrapolated",
                path="technology",
                help=f"set scaled:{finest:g} to scaled:{coarsest:g}, or import a Liberty file",
            )
        )
    pairs = pairwise(sorted(known, reverse=True))
    coarse, fine = next(pair for pair in pairs if pair[1] <= node_nm <= pair[0])
    before, after = (tuple(load(name) for name in known[node]) for node in (coarse, fine))
    share = math.log(node_nm / coarse) / math.log(fine / coarse)
    return Between(float(node_nm), share, before, after).technology(bit_cell_ratio(node_nm))


__all__ = [
    "ScaledFile", "anchors", "bit_cell_ratio", "interpolated", "leaking", "named_scaled",
    "read_scaled", "scaled",
]  # fmt: skip
