"""Accelerators of the grid as gates: mapped area of each component and of the whole, longest path.

Components are cut out and mapped apart, memories stay black boxes. What is too large to be mapped
in a moment is composed, and says so:

- array and registers grow by equal shares per PE: beyond `DIRECT_LANES` lanes in all they are
  mapped at two smaller numbers of PEs, and the straight line through both is followed
- the whole is the sum of its components, times what mapping across their borders saved at 4 PEs
- the longest path is that of the same design with 4 PEs

Beside it the path through the popcount is timed, of the products and the popcount mapped by
themselves behind flip-flops: where it is not the longest, nothing else shows it.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from asicbnn.calibration import opensta
from asicbnn.calibration.grid import GridPoint
from asicbnn.calibration.port_flops import registered
from asicbnn.calibration.static_timing import longest_path
from asicbnn.calibration.synthesis import Flow, Form
from asicbnn.hardware.accelerator import Machine, elaborate
from asicbnn.hardware.cutting import cut
from asicbnn.hardware.engine import masks_after
from asicbnn.hardware.structure import COMPONENTS
from asicbnn.hardware.verilog import VerilogBlock, write_verilog
from asicbnn.hardware.verilog.accelerator import reset_registers
from asicbnn.technology.liberty import Library

DIRECT_LANES = 8192
"""Lanes of all PEs up to which array and registers are mapped as they are."""
WHOLE_LANES = 512
"""Lanes of all PEs up to which the whole accelerator is mapped as it is."""
SMALL_PES = 4
PER_PE = ("array", "registers")
_WHOLE = "whole"
_COUNTING = (("array", "products and popcount"), ("array", "popcount register"))
_MASKS = ("array", "lane masks")


@dataclass(frozen=True)
class Mapped:
    """A mapped block: its cells, and the longest path where it was asked for [ps].

    own_ps      by `static_timing`      opensta_ps  by OpenSTA, where it is installed
    """

    cells: Mapping[str, int]
    own_ps: float | None = None
    opensta_ps: float | None = None

    @property
    def period_ps(self) -> float | None:
        """Longest path by OpenSTA, or by our own calculation without it."""
        return self.own_ps if self.opensta_ps is None else self.opensta_ps

    def area_um2(self, library: Library) -> float:
        """Sum of the cells' areas; black boxes have none."""
        known = library.cells
        return sum(n * known[cell].area_um2 for cell, n in self.cells.items() if cell in known)


@dataclass(frozen=True)
class Measurement:
    """One accelerator as gates.

    areas_um2   of each component, mapped apart       whole_um2   mapped as one
    period_ps   longest register-to-register path and setup
    popcount_ps  of those that end in the popcount's registers: the operands' to the count's
    timers_apart  relative difference of the two calculations of it; None without OpenSTA
    composed    what of it was composed from smaller designs, one phrase each
    """

    point: GridPoint
    areas_um2: Mapping[str, float]
    whole_um2: float
    period_ps: float
    timers_apart: float | None
    composed: tuple[str, ...]
    popcount_ps: float | None = None

    @property
    def composed_components(self) -> tuple[str, ...]:
        """Components that were mapped at fewer PEs."""
        return () if is_direct(self.point) else PER_PE

    @property
    def is_composed(self) -> bool:
        """Say whether the accelerator was not mapped as a whole."""
        return not _is_whole(self.point)


def measure(flow: Flow, point: GridPoint, form: Form) -> Measurement:
    """Map one accelerator of the grid in one form of the datapath."""
    return _Measuring(flow, form).of(point)


def measure_all(
    flow: Flow,
    points: Iterable[GridPoint],
    form: Form,
    jobs: int,
    done: Callable[[Measurement], None] = lambda _: None,
) -> list[Measurement]:
    """Map accelerators in ``jobs`` processes; ``done`` is called as they come, in order."""
    found = []
    with ProcessPoolExecutor(jobs, initializer=_take, initargs=(flow, form)) as pool:
        for measurement in pool.map(_measured, points):
            found.append(measurement)
            done(measurement)
    return found


_taken: list[tuple[Flow, Form]] = []


def _take(flow: Flow, form: Form) -> None:
    """Give a process of the pool what all its points share."""
    _taken[:] = [(flow, form)]


def _measured(point: GridPoint) -> Measurement:
    flow, form = _taken[0]
    return measure(flow, point, form)


@dataclass(frozen=True)
class _Measuring:
    flow: Flow
    form: Form

    def of(self, point: GridPoint) -> Measurement:
        areas = {name: self._area(point, name) for name in COMPONENTS}
        composed = []
        if not is_direct(point):
            composed.append(f"{' and '.join(PER_PE)} from {smaller(point)} PEs")
        timed = point if _is_whole(point) else point.of(SMALL_PES)
        whole = self._mapped(timed, _WHOLE)
        whole_um2 = whole.area_um2(self.flow.library)
        if not _is_whole(point):
            whole_um2 *= sum(areas.values())
            whole_um2 /= sum(self._area(timed, name) for name in COMPONENTS)
            composed.append(f"whole and path from {SMALL_PES} PEs")
        assert whole.own_ps is not None
        assert whole.period_ps is not None
        apart = None if whole.opensta_ps is None else whole.own_ps / whole.opensta_ps - 1
        return Measurement(
            point, areas, whole_um2, whole.period_ps, apart, tuple(composed),
            self._popcount_ps(timed),
        )  # fmt: skip

    def _area(self, point: GridPoint, name: str) -> float:
        if name not in PER_PE or is_direct(point):
            return self._mapped(point, name).area_um2(self.flow.library)
        more, less = smaller(point)
        high, low = (
            self._mapped(point.of(pes), name).area_um2(self.flow.library) for pes in (more, less)
        )
        return high + (point.pes - more) / (more - less) * (high - low)

    def _popcount_ps(self, point: GridPoint) -> float | None:
        """Time products and popcount by themselves; masks that are made in the cycle are in it.

        Registers that hold masks end no path of the popcount, so they stay outside then.
        """
        machine = _machine(point)
        is_late = masks_after(point.pipeline_stages)
        block, gated = cut(machine, *((_MASKS, *_COUNTING) if is_late else _COUNTING))
        written = write_verilog(block, gated=gated, reset=reset_registers(machine))
        return mapped(self.flow, written, self.form, timed=True, behind_flops=True).period_ps

    def _mapped(self, point: GridPoint, name: str) -> Mapped:
        written = _written(point, name)
        return mapped(self.flow, written, self.form, timed=name == _WHOLE)


def is_direct(point: GridPoint, most_lanes: int = DIRECT_LANES) -> bool:
    """Say whether array and registers of a design are taken as they are."""
    return point.pes * point.lanes <= most_lanes or point.pes <= SMALL_PES


def _is_whole(point: GridPoint) -> bool:
    return point.pes * point.lanes <= WHOLE_LANES or point.pes <= SMALL_PES


def smaller(point: GridPoint, most_lanes: int = DIRECT_LANES) -> tuple[int, int]:
    """Return two numbers of PEs to follow a straight line from."""
    more = SMALL_PES
    while 2 * more * point.lanes <= most_lanes:
        more *= 2
    return more, more // 2


@lru_cache(maxsize=4)
def _machine(point: GridPoint) -> Machine:
    return elaborate(point.accelerator, probe=False, ports=True, check=False)


def _written(point: GridPoint, name: str) -> VerilogBlock:
    machine = _machine(point)
    reset = reset_registers(machine)
    if name == _WHOLE:
        return write_verilog(machine.block, gated=machine.gated, reset=reset)
    block, gated = cut(machine, *(part for part in machine.parts if part[0] == name))
    return write_verilog(block, gated=gated, reset=reset)


def mapped(
    flow: Flow, written: VerilogBlock, form: Form, *, timed: bool, behind_flops: bool = False
) -> Mapped:
    """Map a block and count its cells; ``timed`` finds its longest path as well.

    behind_flops  paths start at its inputs too, which are taken to come from flip-flops
    """
    with_opensta = timed and opensta.is_installed()
    suffix = "-opensta" if with_opensta else "-timed" if timed else "-cells"
    suffix = f"{suffix}-behind-flops" if behind_flops else suffix
    place = flow.place(written, form, suffix)
    if (kept := _read(place)) is not None:
        return kept
    netlist = flow.netlist(written, form)
    if behind_flops:
        netlist = registered(netlist, flow.library, flow.cells.names, outputs=False)
    path = longest_path(netlist, flow.library) if timed else None
    found = Mapped(
        dict(netlist.census()),
        path.period_ps if path else None,
        opensta.longest_period_ps(netlist, flow.cells) if with_opensta else None,
    )
    _write(place, found)
    return found


def tools_of(flow: Flow) -> str:
    """Name what maps and times."""
    timer = "OpenSTA" if opensta.is_installed() else "the NLDM calculation of asicbnn"
    return f"{flow.yosys.version}, longest paths by {timer}"


def _read(place: Path | None) -> Mapped | None:
    if place is None:
        return None
    try:
        kept = json.loads(place.read_text("utf-8"))
        return Mapped(**kept)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(place: Path | None, found: Mapped) -> None:
    if place is None:
        return
    with suppress(OSError):
        handle, name = tempfile.mkstemp(dir=place.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(found), file)
        Path(name).replace(place)
