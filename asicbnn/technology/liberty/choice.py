"""Which cell of a library plays a role: the smallest one of unit drive that fits it best."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median_low
from typing import Final

from asicbnn.technology.liberty.library import LibertyCell, Library
from asicbnn.technology.liberty.matching import Match, matches_of

_NEVER: Final = frozenset({
    "scan", "always_on", "level_shifter", "isolation", "retention", "switch", "pad", "filler",
    "macro", "driver",
})  # fmt: skip
_CLOCK_NAME = re.compile(r"clk|(?:^|[^A-Za-z])ck|^ck|cts", re.IGNORECASE)
_DELAY_NAME = re.compile(r"dly|del(?!ay_)|hold|(?:^|_)hb\d", re.IGNORECASE)
_DRIVES: Final = (
    re.compile(r"_(\d+)$"),
    re.compile(r"(?<![uUoO])[xX]_?(\d*[pP]\d+|\d+)"),
    re.compile(r"D(\d+)(?=\D|$)"),
)
_THRESHOLDS: Final = (
    re.compile(r"([use]?[lsrh]vt)", re.IGNORECASE),
    re.compile(r"_A\d+(?:P\d+)*T([A-Z]+)"),
    re.compile(r"_\d+t_(SL|L|R|SRAM)$"),
)
_TREE_BUFFER_DRIVE: Final = 4.0
_LONG: Final = 4.0
_FOR_ANY_NET: Final = frozenset({
    "inverter", "nand2", "nor2", "and2", "or2", "xor2", "xnor2", "mux2", "mux2_inverting",
})  # fmt: skip
"""Roles of gates that libraries repeat for clocks, slower or with edges made alike."""


@dataclass(frozen=True, slots=True)
class Choices:
    """The cells chosen, by role, and what was peculiar about the choice.

    Differences from the role stand in `Match.features`: whoever uses the cell makes up for them.
    """

    by_role: Mapping[str, Match]
    notes: tuple[str, ...]

    def get(self, role: str) -> Match | None:
        """Return the cell for a role, None where the library has none."""
        return self.by_role.get(role)


def drive_of(name: str) -> float | None:
    """Return the drive strength a cell's name ends in: 1 of INV_X1, inv_1 or INVD1, 0.5 of INVxp5.

    Names are used for what no attribute says alone: several cells of one function and one area are
    told apart by it, and cells for clocks, for delay and of several threshold voltages.
    """
    for pattern in _DRIVES:
        if found := pattern.findall(name):
            return float(found[-1].lower().replace("p", "."))
    return None


def threshold_of(name: str) -> str:
    """Return which threshold voltage a cell's name tells: hvt of INVX1_HVT, r of INV_X1M_A9TR."""
    for pattern in _THRESHOLDS:
        if found := pattern.findall(name):
            return str(found[-1]).lower()
    return ""


def choose(library: Library) -> Choices:
    """Return the best cell for each role that the library has cells for."""
    offers, useless = _offers(library)
    offers, apart = _of_one_threshold(offers)
    offers = _for_any_net(offers)
    inverter_um2 = min((m.cell.area_um2 for m in offers.get("inverter", ())), default=0.0)
    chosen: dict[str, Match] = {}
    for role, found in offers.items():
        chosen[role] = min(found, key=lambda match: _rank(match, inverter_um2))
    if with_reset := [m for m in offers.get("flop", ()) if "reset" in m.features]:
        chosen["flop_with_reset"] = min(with_reset, key=lambda match: _rank(match, inverter_um2))
    chosen |= _buffers(offers.get("buffer", []))
    marked = (
        f"{role}: {match.cell.name} is marked {drawback}; nothing else fits"
        for role, match in chosen.items()
        for drawback in sorted(match.cell.drawbacks)
    )
    return Choices(chosen, (*useless, *apart, *marked))


def _of_one_threshold(
    offers: Mapping[str, list[Match]],
) -> tuple[dict[str, list[Match]], tuple[str, ...]]:
    """Keep the cells of the inverter's threshold voltage, where a file tells several apart.

    Cells of several thresholds have one area, and a technology of their mixture would be none.
    """
    inverters = offers.get("inverter", [])
    every = [match for found in offers.values() for match in found]
    for said, of, telling in (
        ("of threshold_voltage_group", _group, every),
        ("named", _threshold_named, inverters),
    ):
        if inverters and len({of(match) for match in telling}) > 1:
            kept = of(_smallest(inverters))
            others = ", ".join(sorted(repr(other) for other in {of(m) for m in every} - {kept}))
            note = (
                f"cells {said} '{kept}' are taken, those of {others} only for roles it lacks; "
                "give the files of one group to have another"
            )
            alike = {
                role: [match for match in found if of(match) == kept] or found
                for role, found in offers.items()
            }
            return alike, (note,)
    return dict(offers), ()


def _group(match: Match) -> str:
    return match.cell.threshold


def _threshold_named(match: Match) -> str:
    return threshold_of(match.cell.name)


def _for_any_net(offers: Mapping[str, list[Match]]) -> dict[str, list[Match]]:
    """Leave out gates made for clocks or for delay, where there are others."""
    kept = dict(offers)
    for role in _FOR_ANY_NET & offers.keys():
        plain = [
            match for match in offers[role]
            if not match.cell.drawbacks and not _named(match, _CLOCK_NAME, _DELAY_NAME)
        ]  # fmt: skip
        kept[role] = plain or offers[role]
    for role in ("inverter", "buffer"):
        kept[role] = _undelayed(kept.get(role, []))
    return {role: found for role, found in kept.items() if found}


def _undelayed(matches: list[Match]) -> list[Match]:
    """Leave out cells many times as slow without a load as others of the same function.

    Delay cells have any name; the drive of a cell hardly moves its delay without a load.
    """
    delays_ps = [_unloaded_ps(match.cell) for match in matches]
    known = [delay_ps for delay_ps in delays_ps if delay_ps > 0]
    if not known:
        return matches
    most_ps = _LONG * median_low(known)
    return [match for match, ps in zip(matches, delays_ps, strict=True) if ps <= most_ps]


def _unloaded_ps(cell: LibertyCell) -> float:
    """Return the mean delay at the steepest slew of the tables and no load; 0 without tables."""
    tables = [
        table
        for pin in cell.outputs()
        for arc in pin.arcs
        for table in (arc.cell_rise, arc.cell_fall)
        if table is not None
    ]
    return fmean(table.at(table.slew_ps[0], 0.0) for table in tables) if tables else 0.0


def _offers(library: Library) -> tuple[dict[str, list[Match]], list[str]]:
    """Return the cells that could play each role, and what is wrong with others that could."""
    offers: dict[str, list[Match]] = {}
    useless: list[str] = []
    for cell in library.cells.values():
        if cell.drawbacks & _NEVER - {"scan"}:
            continue
        for match in matches_of(cell):
            if cell.area_um2 > 0:
                offers.setdefault(match.role, []).append(match)
            else:
                useless.append(f"{match.role}: {cell.name} has no area and is passed over")
    return offers, list(dict.fromkeys(useless))


def _rank(match: Match, inverter_um2: float) -> tuple[object, ...]:
    """Order cells for a role: what fits without blemish, then the smallest, then unit drive."""
    cell, features = match.cell, match.features
    blemishes = (
        bool(cell.drawbacks & _NEVER),
        "tied" in features and match.role != "clock_gate",
        "falling" in features,
        len(features & {"reset", "set"}) if match.role != "flop_with_reset" else 0,
        bool(cell.drawbacks),
    )
    inverters = len(features & {"inverting", "falling"}) + (
        "inverting" in features and bool(match.carry)
    )
    area_um2 = cell.area_um2 + inverters * inverter_um2
    return (blemishes, area_um2, "tied" in features, *_drive_rank(cell))


def _drive_rank(cell: LibertyCell) -> tuple[object, ...]:
    """Order cells of one function and area: unit drive, then the strongest of the weaker ones.

    Among equals the file given first: files of several threshold voltages have cells of one area.
    """
    drive = drive_of(cell.name)
    pins = [pin.capacitance_ff for pin in cell.inputs()] or [0.0]
    return (
        drive is not None and drive > 1,
        -(drive or 0) if drive is None or drive <= 1 else drive,
        cell.place,
        bool(_CLOCK_NAME.search(cell.name)),
        fmean(pins),
        cell.name,
    )


def _buffers(offers: Sequence[Match]) -> dict[str, Match]:
    """Return the buffers: of data, of clocks, and of a clock tree (four times unit drive)."""
    sound = [m for m in offers if not m.cell.drawbacks] or list(offers)
    plain = [m for m in sound if not _named(m, _CLOCK_NAME, _DELAY_NAME)]
    plain = plain or [m for m in sound if not _named(m, _DELAY_NAME)] or sound
    clock = [m for m in sound if _named(m, _CLOCK_NAME) and not _named(m, _DELAY_NAME)]
    found = {}
    if plain:
        found["buffer"] = _smallest(plain)
        found["clock_tree_buffer"] = min(plain, key=_from_tree_drive)
    if clock:
        found["clock_buffer"] = _smallest(clock)
    return found


def _named(match: Match, *patterns: re.Pattern[str]) -> bool:
    is_marked = match.cell.is_for_clock and _CLOCK_NAME in patterns
    return is_marked or any(pattern.search(match.cell.name) for pattern in patterns)


def _smallest(matches: Iterable[Match]) -> Match:
    return min(matches, key=lambda match: _rank(match, 0.0))


def _from_tree_drive(match: Match) -> tuple[object, ...]:
    drive = drive_of(match.cell.name) or 1.0
    ratio = max(drive, _TREE_BUFFER_DRIVE) / max(min(drive, _TREE_BUFFER_DRIVE), 0.1)
    return (ratio, match.cell.area_um2, match.cell.place, match.cell.name)
