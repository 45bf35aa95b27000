"""What was derived from a Liberty library, as a technology file and its text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from asicbnn.technology.cell_entries import CellEntry, Composition
from asicbnn.technology.form import Figure
from asicbnn.technology.liberty import anchors
from asicbnn.technology.liberty.composing import Entries
from asicbnn.technology.liberty.figures import Conditions
from asicbnn.technology.liberty.library import Library
from asicbnn.technology.liberty.operating_fit import SOURCE, Fitted
from asicbnn.technology.schema import CornerEntry, TechnologyFile

_WIDTH: Final = 100


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a technology is from: its library and further corners of it, and how it was read.

    node_nm : the process node, where whoever imports it knows
    """

    library: Library
    corners: Sequence[Library]
    conditions: Conditions
    node_nm: float | None


def technology_form(
    name: str,
    origin: Origin,
    entries: Entries,
    corners: Sequence[CornerEntry],
    moves: Fitted | None = None,
) -> TechnologyFile:
    """Return the technology file: figures of the library, and what it does not say scaled."""
    library = origin.library
    inverter = entries.figures["inverter"]
    gate_um2 = _area_um2(entries, "nand2")
    units = anchors.Units(
        fo4_ps=inverter.delay_fo4_ps,
        fo4_energy_fj=inverter.toggle_energy_fj,
        adder_delay_ps=anchors.adder_delay_ps(entries.cells),
        gate_equivalent_um2=gate_um2,
        inverter_nw=inverter.leakage_nw,
        has_adder=any(role in entries.figures for role in anchors.ADDERS),
    )
    toggle = _measured(inverter.toggle_energy_fj, "internal + 0.5 * 4 C_inv V^2")
    return TechnologyFile(
        name=name,
        description=f"Liberty library {library.name}, corner {library.corner}",
        sources=_sources(origin, moves),
        node_nm=_node(origin.node_nm, gate_um2),
        voltage_v=_measured(library.voltage_v),
        temperature_c=_measured(library.temperature_c),
        fo4_delay_ps=_measured(inverter.delay_fo4_ps),
        inverter_capacitance_ff=_measured(inverter.input_capacitance_ff),
        inverter_toggle_energy_fj=toggle,
        gate_equivalent_um2=_measured(gate_um2, "the smallest NAND2"),
        setup_ps=_setup(entries, units),
        **_scaled(units),
        cells=dict(entries.cells),
        popcount_energy=anchors.popcount_energies(
            units, _xnor_input_ff(entries), library.voltage_v
        ),
        popcount_delay=anchors.popcount_delays(units),
        corners=tuple(corners),
        operating=moves.entry if moves else None,
    )


def corner_source(library: Library) -> str:
    """Return the name of the source of a corner's ratios."""
    return f"corner {library.corner}"


def as_text(file: TechnologyFile) -> str:
    """Return the YAML text; every default is left out."""
    tree: dict[str, Any] = file.model_dump(mode="json", exclude_defaults=True)
    head = (
        f"# {file.description}.\n"
        "# Imported from Liberty files by `asicbnn technology import`: derived figures only.\n"
    )
    sources = tree.pop("sources")
    top = {key: tree.pop(key) for key in ("name", "description")} | {"sources": sources}
    return head + _yaml(top, flow=False) + "\n" + _yaml(tree, flow=None)


def _yaml(tree: dict[str, Any], *, flow: bool | None) -> str:
    """Return YAML text; flow None: what holds no further collection stands on one line."""
    return yaml.safe_dump(
        tree, sort_keys=False, width=_WIDTH, default_flow_style=flow, allow_unicode=True
    )


def _measured(value: float, note: str = "") -> Figure:
    return Figure(value=anchors.rounded(value), source="cells", note=note)


def _node(given_nm: float | None, gate_um2: float) -> Figure:
    if given_nm is None:
        return anchors.node_nm(gate_um2)
    return Figure(value=given_nm, source="given")


def _area_um2(entries: Entries, role: str) -> float:
    """Return the area of a role's cell, or of the cells composed in its place [um2]."""
    entry = entries.cells[role]
    if isinstance(entry, CellEntry):
        return entry.area_um2
    return sum(n * entries.figures[part].area_um2 for part, n in entry.composed.items())


def _scaled(units: anchors.Units) -> dict[str, Any]:
    """Return wires, clock tree, paths and SRAM, of which no Liberty file says anything."""
    sky = anchors.anchors()["sky130hd"]
    return {
        "wire_ff_per_mm": anchors.wire_figure("signal"),
        "clock_wire_ff_per_mm": anchors.wire_figure("clock"),
        "path_relative_error": anchors.assumed_as(sky.path_relative_error),
        "clock_tree_fanout": anchors.assumed_as(sky.clock_tree_fanout),
        "clock_tree_wire_um_per_sink": anchors.scaled_figure(
            "by the root of the gate equivalent, mean",
            units.gate_equivalent_um2**0.5,
            lambda f: (f.clock_tree_wire_um_per_sink, f.gate_equivalent_um2.value**0.5),
        ),
        "sram": anchors.sram_entry(units),
    }


def _setup(entries: Entries, units: anchors.Units) -> Figure:
    """Return the setup time of the flip-flop as the library states it, else scaled by FO4."""
    flop = entries.cells["flop"]
    name = flop.clocked_by if isinstance(flop, Composition) else "flop"
    stated = entries.figures[name].setup_ps if name else None
    if stated is None or not stated > 0:
        return anchors.scaled_figure(
            "by the FO4 delay, mean", units.fo4_ps, lambda f: (f.setup_ps, f.fo4_delay_ps.value)
        )
    return Figure(
        value=anchors.rounded(stated),
        source="cells",
        note="of the flip-flop's data, the later edge; both slews of an inverter driving four",
    )


def _xnor_input_ff(entries: Entries) -> float:
    entry = entries.cells["xnor2"]
    if isinstance(entry, CellEntry):
        return entry.input_capacitance_ff
    return sum(
        n * entries.figures[part].input_capacitance_ff for part, n in entry.input_pins.items()
    )


def _sources(origin: Origin, moves: Fitted | None) -> dict[str, str]:
    def files(of: Library) -> str:
        return ", ".join(f"{file.name} (sha256 {file.sha256})" for file in of.files)

    library, slew_ps = origin.library, origin.conditions.slew_ps
    sources = {
        "cells": (
            f"{files(library)}; corner {library.corner}, {library.voltage_v:g} V, "
            f"{library.temperature_c:g} C; read by NLDM tables at input slew {slew_ps:.4g} ps "
            "(an inverter driving four) and a load of four inverters"
        ),
        "composed": "from the figures of other cells in this file",
        "given": "whoever imported the library",
        "scaled": (
            f"shipped technologies {', '.join(anchors.ANCHORS)}, in the unit the note names; the "
            "relative error is that of predicting each of them from the others"
        ),
        "wires": anchors.wire_source(),
        "assumed": "as the shipped technologies assume it",
    }
    for corner in origin.corners:
        sources[corner_source(corner)] = f"{files(corner)}; read in the same way"
    if moves and moves.entry:
        sources[SOURCE] = f"the laws of docs/models/technology.md; {moves.note}"
    return sources
