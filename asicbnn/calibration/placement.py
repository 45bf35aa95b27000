"""A mapped netlist placed by Coloquinte, so that its nets have lengths.

Cells lie in rows of a square core, as dense as asked for; ports are pins on its border, in the
order of the netlist. There is no clock tree: the clock's net and the reset's are left out, and so
is what drives nothing. Coloquinte: a placer of standard cells, MIT licence, from PyPI.
"""

from __future__ import annotations

import contextlib
import importlib.util
import math
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any, Final

from asicbnn.calibration.mapped_netlist import ONE, ZERO, MappedNetlist
from asicbnn.calibration.steiner_length import Point, steiner_length
from asicbnn.errors import EnvironmentProblem

SHARED: Final = ("clock", "reset")
_ROW, _SITE = 4000, 500
"""Height of a row and width of a site, in the placer's whole units."""
_NAND2_PER_SQUARE: Final = 0.5
"""NAND2 areas in a square as high as a row: 0.51 (sky130hd), 0.51 (ihp_sg13g2), 0.80 (asap7)."""
_FILL: Final = 0.9
"""Share of the core that cells are spread over, their room included; the rest is the placer's."""
_EFFORT: Final = 5
"""Of 1 to 9; 9 takes 0.02 off the length and twice the time."""


@dataclass(frozen=True, eq=False)
class Placement:
    """Where the cells of a netlist lie.

    lengths_um  of each net between cells, by net: a Steiner tree's; nets with a port are left out
    core_um2    area of the core        cells  how many were placed
    """

    lengths_um: Mapping[int, float]
    core_um2: float
    cells: int


def is_installed() -> bool:
    """Say whether there is a placer."""
    return importlib.util.find_spec("coloquinte") is not None


def version() -> str:
    """Name the placer. Raises EnvironmentProblem if there is none."""
    _coloquinte()
    return f"coloquinte {version_of('coloquinte')}"


def _coloquinte() -> Any:
    try:
        import coloquinte  # type: ignore[import-untyped, import-not-found, unused-ignore]
    except ImportError:
        raise EnvironmentProblem(
            "there is no placer: install Coloquinte, pip install 'asicbnn[place]' (on Python 3.13 "
            "and later it has to be built from its sources)"
        ) from None
    return coloquinte


def place(
    netlist: MappedNetlist, areas_um2: Mapping[str, float], gate_um2: float, density: float
) -> Placement:
    """Place a netlist.

    areas_um2  of each cell      gate_um2  of a NAND2, which the height of a row goes by
    density    area of the cells over that of the core

    Raises EnvironmentProblem without a placer.
    """
    return _Placing(netlist, areas_um2, gate_um2, density).placed()


class _Placing:
    def __init__(
        self, netlist: MappedNetlist, areas_um2: Mapping[str, float], gate_um2: float,
        density: float,
    ) -> None:  # fmt: skip
        self.netlist = netlist
        self.unit_um = math.sqrt(gate_um2 / _NAND2_PER_SQUARE) / _ROW
        site_um2 = _ROW * _SITE * self.unit_um**2
        self.widths = [
            max(1, round(areas_um2[i.cell] / site_um2)) * _SITE for i in netlist.instances
        ]
        side = math.sqrt(sum(self.widths) * _ROW / density)
        self.width = round(side / _SITE) * _SITE
        self.height = round(side / _ROW) * _ROW
        self.pins = self._pins()
        self.ports = self._ports()

    def _pins(self) -> dict[int, list[int]]:
        """Instances on each net, each once."""
        found: dict[int, list[int]] = {}
        for index, instance in enumerate(self.netlist.instances):
            for net in dict.fromkeys((*instance.inputs.values(), *instance.outputs.values())):
                if net not in (ZERO, ONE):
                    found.setdefault(net, []).append(index)
        for name in SHARED:
            for net in self.netlist.inputs.get(name, ()):
                found.pop(net, None)
        return found

    def _ports(self) -> dict[int, int]:
        """Fixed cell of each net with a port: what enters, and what leaves and nobody reads."""
        netlist, first = self.netlist, len(self.netlist.instances)
        entering = (net for nets in netlist.inputs.values() for net in nets)
        leaving = (
            net for nets in netlist.outputs.values() for net in nets if net not in netlist.loads
        )
        nets = dict.fromkeys(net for net in (*entering, *leaving) if net in self.pins)
        return {net: first + place for place, net in enumerate(nets)}

    def placed(self) -> Placement:
        circuit = self._circuit()
        with _quiet():
            circuit.place_global(_EFFORT)
            circuit.legalize(_EFFORT)
            circuit.place_detailed(_EFFORT)
        places = list(self._middles(circuit))
        lengths = {
            net: steiner_length([places[index] for index in pins])
            for net, pins in self.pins.items()
            if net not in self.ports
        }
        core_um2 = self.width * self.height * self.unit_um**2
        return Placement(lengths, core_um2, len(self.netlist.instances))

    def _circuit(self) -> Any:
        coloquinte = _coloquinte()
        cells, ports = len(self.widths), len(self.ports)
        border = [self._on_border(place / ports) for place in range(ports)]
        circuit = coloquinte.Circuit(cells + ports)
        circuit.cell_width = [*self.widths, *([0] * ports)]
        circuit.cell_height = [*([_ROW] * cells), *([0] * ports)]
        circuit.cell_x = [*([self.width // 2] * cells), *(x for x, _ in border)]
        circuit.cell_y = [*([self.height // 2] * cells), *(y for _, y in border)]
        circuit.cell_is_fixed = [*([False] * cells), *([True] * ports)]
        circuit.cell_is_obstruction = [*([True] * cells), *([False] * ports)]
        area = coloquinte.Rectangle(0, self.width, 0, self.height)
        circuit.setup_rows(area, _ROW, True, True)
        for net, pins in self.pins.items():
            ends = [*pins, *([self.ports[net]] if net in self.ports else [])]
            if len(ends) > 1:
                inside = [end < cells for end in ends]
                x = [self.widths[e] // 2 if own else 0 for e, own in zip(ends, inside, strict=True)]
                circuit.add_net(ends, x, [_ROW // 2 if own else 0 for own in inside])
        circuit.expand_cells_to_density(_FILL, 0.0)
        return circuit

    def _on_border(self, share: float) -> tuple[int, int]:
        """Return the place so far along the border, from the lower left and against the clock."""
        along = int(share * 2 * (self.width + self.height))
        if along < self.width:
            return along, 0
        along -= self.width
        if along < self.height:
            return self.width, along
        along -= self.height
        if along < self.width:
            return self.width - along, self.height
        return 0, self.height - (along - self.width)

    def _middles(self, circuit: Any) -> Iterator[Point]:
        """Yield the middle of each cell [um]."""
        spots = zip(circuit.cell_x, circuit.cell_y, circuit.cell_width, strict=True)
        for x, y, width in list(spots)[: len(self.widths)]:
            yield (x + width / 2) * self.unit_um, (y + _ROW / 2) * self.unit_um


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the placer prints, from outside Python, off the standard output."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


__all__ = ["Placement", "is_installed", "place", "version"]
