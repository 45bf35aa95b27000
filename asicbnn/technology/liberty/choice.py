"""Which cell of a library plays a role: the smallest one of unit drive that fits it best."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from asicbnn.technology.liberty.library import LibertyCell, Library
from asicbnn.technology.liberty.matching import Match, matches_of

_NEVER: Final = frozenset({
    "scan", "always_on", "level_shifter", "isolation", "retention", "switch", "pad", "filler",
    "macro",
})  # fmt: skip
_CLOCK_NAME = re.compile(r"clk|(?:^|[^A-Za-z])ck|^ck|cts", re.IGNORECASE)
_DELAY_NAME = re.compile(r"dly|del(?!ay_)|hold|(?:^|_)hb\d", re.IGNORECASE)
_DRIVES: Final = (
    re.compile(r"_(\d+)$"),
    re.compile(r"(?<![uUoO])[xX]_?(\d*[pP]\d+|\d+)"),
    re.compile(r"D(\d+)(?=\D|$)"),
)
_TREE_BUFFER_DRIVE: Final = 4.0


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

    The one use of names: several cells of one function and one area are told apart by it.
    """
    for pattern in _DRIVES:
        if found := pattern.findall(name):
            return float(found[-1].lower().replace("p", "."))
    return None


def choose(library: Library) -> Choices:
    """Return the best cell for each role that the library has cells for."""
    offers, useless = _offers(library)
    offers, apart = _of_one_threshold(offers)
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
    thresholds = {m.cell.threshold for found in offers.values() for m in found}
    if not inverters or len(thresholds) < 2:
        return dict(offers), ()
    kept = min(inverters, key=lambda match: _rank(match, 0.0)).cell.threshold
    alike = {
        role: [m for m in found if m.cell.threshold == kept] or found
        for role, found in offers.items()
    }
    others = ", ".join(sorted(repr(other) for other in thresholds - {kept}))
    note = (
        f"cells of threshold_voltage_group '{kept}' are taken, those of {others} only for roles it "
        "lacks; give the files of one group to have another"
    )
    return alike, (note,)


def _offers(library: Library) -> tuple[dict[str, list[Match]], list[str]]:
    """Return the cells that could play each role, and what is wrong with others that could."""
    offers: dict[str, list[Match]] = {}
    useless: list[str] = []
    for cell in library.cells.values():
        if cell.drawbacks & _NEVER and "scan" not in cell.drawbacks:
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
