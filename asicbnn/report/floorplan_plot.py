"""A floorplan drawn to scale: macros, blocks of cells, the grid of PEs."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.patches import Rectangle as Drawn

from asicbnn.model.costs import costs, technology_of
from asicbnn.model.floorplan import Block, Floorplan, Grid
from asicbnn.model.packing import Rectangle
from asicbnn.report.style import COLUMN_INCH, HATCHED, PART_COLOURS, drawn, part_text, plain, sheet
from asicbnn.spec.accelerator import Accelerator
from asicbnn.units import figure as number
from asicbnn.units import typeset

_EDGE = "#444444"
_HALO = "#EFEFEF"
_LEAST_NAMED = 0.02
"""Share of the core below which a block is named in the legend alone."""
_UM_PER_MM = 1e3


@drawn
def floorplan_figure(accelerator: Accelerator, technology: str | None = None) -> Figure:
    """Draw the floorplan behind an estimate of level routed.

    technology  instead of the accelerator's
    """
    priced = technology_of(accelerator, technology)
    laid_out = costs(accelerator, priced, "routed").routed
    assert laid_out is not None  # at this level there is one
    plan = laid_out.plan
    height = COLUMN_INCH * plan.core.height_um / plan.core.width_um
    figure = sheet(COLUMN_INCH, height + 0.9)
    axes = figure.add_subplot()
    unit, name = (_UM_PER_MM, "mm") if plan.core.width_um >= _UM_PER_MM else (1.0, "um")
    _outline(axes, plan.core, unit, facecolor="white", edgecolor=_EDGE, linewidth=0.8)
    for block in plan.blocks:
        _block(axes, block, unit)
    _pes(axes, plan.grid, unit)
    _names(axes, plan, unit)
    axes.set_xlim(0, plan.core.width_um / unit)
    axes.set_ylim(0, plan.core.height_um / unit)
    axes.set_aspect("equal")
    axes.grid(visible=False)
    axes.set_xlabel(f"x [{typeset(name)}]")
    axes.set_ylabel(f"y [{typeset(name)}]")
    axes.set_title(
        f"{accelerator.name} in {priced.name}, {number(plan.core.area_um2 / 1e6)} "
        f"{typeset('mm2')}, cell density {plan.placement_density:.2f}"
    )
    _legend(figure, plan)
    return figure


def _outline(axes: Axes, place: Rectangle, unit: float, **look: object) -> None:
    patch = Drawn(
        (place.x_um / unit, place.y_um / unit), place.width_um / unit, place.height_um / unit,
        **look,  # type: ignore[arg-type]
    )  # fmt: skip
    axes.add_patch(patch)


def _block(axes: Axes, block: Block, unit: float) -> None:
    hatch = "////" if block.part in HATCHED else None
    colour = PART_COLOURS[block.part]
    place = block.outline
    if block.kind == "macro":
        _outline(axes, block.outline, unit, facecolor=_HALO, edgecolor="none")
        place = block.macro
    _outline(
        axes, place, unit, facecolor=colour, edgecolor=_EDGE, linewidth=0.3, hatch=hatch
    )


def _pes(axes: Axes, grid: Grid, unit: float) -> None:
    """Mark the PEs by the lines between them."""
    box = grid.outline
    for column in range(1, grid.columns):
        x = (box.x_um + column * grid.pitch_x_um) / unit
        axes.plot([x, x], [box.y_um / unit, box.top_um / unit], color="white", linewidth=0.25)
    for row in range(1, grid.rows):
        y = (box.y_um + row * grid.pitch_y_um) / unit
        axes.plot([box.x_um / unit, box.right_um / unit], [y, y], color="white", linewidth=0.25)


def _names(axes: Axes, plan: Floorplan, unit: float) -> None:
    """Write the name of a large block of cells into it."""
    for block in plan.blocks:
        if block.kind == "cells" and block.outline.area_um2 > _LEAST_NAMED * plan.core.area_um2:
            x, y = block.outline.centre_um
            axes.text(
                x / unit, y / unit, plain(block.name), ha="center", va="center", fontsize=5.5,
                rotation=90 if block.outline.height_um > 2 * block.outline.width_um else 0,
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8},
            )  # fmt: skip


def _legend(figure: Figure, plan: Floorplan) -> None:
    parts = list(dict.fromkeys(block.part for block in plan.blocks))
    order = [part for part in PART_COLOURS if part in parts]
    patches = [
        Patch(
            facecolor=PART_COLOURS[part], edgecolor=_EDGE, linewidth=0.3, label=part_text(part),
            hatch="////" if part in HATCHED else None,
        )
        for part in order
    ]  # fmt: skip
    figure.legend(handles=patches, loc="outside lower center", ncols=4)


__all__ = ["floorplan_figure"]
