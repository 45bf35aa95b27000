"""How a library moves with voltage and temperature, fitted to the corners that were imported.

The laws are those of `operating_point.py`; each is fitted where the corners can tell its
parameters, and what they leave open is taken from sky130hd and marked so. Corners that say too
little give no section but a sentence on what is missing. Equations: docs/models/technology.md.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
import numpy.typing as npt

from asicbnn.technology.form import Figure, RangeEntry
from asicbnn.technology.liberty import anchors
from asicbnn.technology.operating_entry import OperatingEntry
from asicbnn.technology.operating_point import THERMAL_V_PER_K, kelvin

Vector = npt.NDArray[np.float64]

SOURCE: Final = "corners"
_ASSUMED_FROM: Final = "sky130hd"
_PROCESS: Final = re.compile(
    r"(?<![a-z])(tt|ss|ff|sf|fs|typ|typical|nom|slow|fast|wc|bc|worst|best)(?![a-z])", re.IGNORECASE
)
_ALIAS: Final = {
    "typ": "tt", "typical": "tt", "nom": "tt", "slow": "ss", "wc": "ss", "worst": "ss",
    "fast": "ff", "bc": "ff", "best": "ff",
}  # fmt: skip
_LEAST_ERROR: Final = 0.05
"""Relative error per octave that no fit is thought to be better than: two voltages fit exactly."""
_LEAST_THRESHOLD_ERROR_V: Final = 0.02
_ALIKE: Final = 1e-6
_LARGEST_LOG: Final = 100.0  # of a deviation that no one would use, yet that must be a number
_FLOORED: Final = 4
"""Parameters of leakage with a floor, besides a level for each process."""


@dataclass(frozen=True, slots=True)
class Observed:
    """A corner, relative to the library's own: geometric means over its cells.

    process   transistors as the corner's name has them, "tt" or "ss"; "" where it does not say
    delay, internal, capacitance, leakage   of the corner over the library's own
    """

    process: str
    voltage_v: float
    temperature_c: float
    delay: float = 1.0
    internal: float = 1.0
    capacitance: float = 1.0
    leakage: float = 1.0


@dataclass(frozen=True, slots=True)
class Fitted:
    """An operating section, or what is missing for one.

    residuals  largest deviation of each law from the corners, as a factor less 1
    """

    entry: OperatingEntry | None
    missing: str = ""
    residuals: tuple[tuple[str, float], ...] = ()

    @property
    def note(self) -> str:
        """What to tell whoever imports the library."""
        if self.entry is None:
            return f"no operating section is written: {self.missing}"
        said = ", ".join(f"{law} within {off:.2g}" for law, off in self.residuals)
        return f"the operating section is fitted to the corners: {said} (relative)"


def process_of(*names: str) -> str:
    """Return the process a corner's names tell, `tt` or `ss`, or "" if none does."""
    for name in names:
        if found := _PROCESS.search(name.replace("_", " ")):
            word = found[1].lower()
            return _ALIAS.get(word, word)
    return ""


def fitted(own: Observed, corners: Sequence[Observed]) -> Fitted:
    """Fit the laws to a library's corners.

    own  the corner whose figures the technology has; its ratios are 1
    """
    if missing := _missing(own, corners):
        return Fitted(None, missing)
    everything = [own, *corners]
    delay, leakage = _delay(own, corners), _leakage(own, corners)
    if leakage is None:
        return Fitted(None, "the corners' leakage does not tell its temperature from its voltage")
    exponent, energy_off = _exponent(own, corners)
    inversion, pins_off = _inversion(own, corners, delay.threshold_v)
    octaves = max(abs(math.log2(c.voltage_v / own.voltage_v)) for c in corners)
    warmer = max(abs(c.temperature_c - own.temperature_c) for c in corners)
    leaks_off = max(leakage.off, _LEAST_ERROR)
    volts = [c.voltage_v for c in everything]
    degrees = [c.temperature_c for c in everything]
    entry = OperatingEntry(
        threshold_voltage_v=delay.figure("threshold_v"),
        alpha=delay.figure("alpha"),
        threshold_v_per_k=delay.figure("per_k"),
        delay_temperature_exponent=delay.figure("exponent"),
        **leakage.figures(),
        internal_energy_exponent=exponent,
        inversion_fraction=inversion,
        highest_voltage_v=_known(max(volts), "the highest corner"),
        sram_lowest_voltage_v=Figure(
            value=anchors.rounded(min(volts)), source=SOURCE, assumed=True,
            note="the lowest corner of the cells",
        ),
        temperature_c=RangeEntry(least=min(degrees), most=max(degrees), source=SOURCE),
        threshold_error_v=_known(delay.threshold_error_v(own, corners)),
        energy_error=_known(max(energy_off, pins_off, _LEAST_ERROR), "per octave"),
        leakage_error=_known(leaks_off / octaves, "per octave"),
        leakage_error_per_k=_known(
            warmer / leaks_off, "kelvins over which the largest deviation is reached"
        ),
    )  # fmt: skip
    offs = (
        ("delay", delay.off), ("energy inside cells, per octave of voltage", energy_off),
        ("pins", pins_off), ("leakage", leakage.off),
    )  # fmt: skip
    return Fitted(entry, residuals=offs)


def _missing(own: Observed, corners: Sequence[Observed]) -> str:
    """Say what the laws need and the corners do not have; "" if nothing."""
    by_process = _by_process([own, *corners])
    volts = any(len({c.voltage_v for c in some}) > 1 for some in by_process)
    degrees = any(len({c.temperature_c for c in some}) > 1 for some in by_process)
    needs = [
        f"two corners of one process that differ in {what}"
        for what, there in (("voltage", volts), ("temperature", degrees))
        if not there
    ]
    if not needs:
        return ""
    return f"it takes {' and '.join(needs)}; give the Liberty files of further corners"


def _by_process(corners: Iterable[Observed]) -> list[list[Observed]]:
    ordered = sorted(corners, key=lambda c: c.process)
    return [list(some) for _, some in groupby(ordered, key=lambda c: c.process)]


@dataclass(frozen=True, slots=True)
class _Delay:
    """The alpha-power law: its parameters, which of them were fitted, the largest deviation."""

    threshold_v: float
    alpha: float
    per_k: float
    exponent: float
    free: frozenset[str]
    off: float

    def figure(self, name: str) -> Figure:
        value = anchors.rounded(getattr(self, name))
        if name in self.free:
            return Figure(value=value, source=SOURCE, note=f"delay within {self.off:.2g}")
        note = f"as fitted in {_ASSUMED_FROM}; the corners leave it open"
        return Figure(value=value, source=SOURCE, assumed=True, note=note)

    def threshold_error_v(self, own: Observed, corners: Sequence[Observed]) -> float:
        """Return the error of the threshold that makes the largest deviation at the farthest."""
        there = 1 / (own.voltage_v - self.threshold_v)
        far = max(
            abs(1 / max(_LEAST_ERROR, c.voltage_v - self.threshold_v) - there) for c in corners
        )
        error = math.log1p(self.off) / (self.alpha * far) if far else 0.0
        return max(error, _LEAST_THRESHOLD_ERROR_V)


def _delay(own: Observed, corners: Sequence[Observed]) -> _Delay:
    """Fit thresholds, one for each process, and what else the number of corners allows.

    Where gates are faster hot, it is the threshold that falls: no carrier gains mobility by heat.
    """
    free = _free(own, corners, len({c.process for c in (own, *corners)}))
    found = _delay_with(own, corners, free)
    if "exponent" in free and "per_k" not in free and found.exponent < _ALIKE:
        instead = ["per_k" if name == "exponent" else name for name in free]
        found = min(found, _delay_with(own, corners, instead), key=lambda fit: fit.off)
    return found


def _delay_with(own: Observed, corners: Sequence[Observed], free: Sequence[str]) -> _Delay:
    """Fit a threshold for each process and the parameters that are free, within their bounds."""
    from scipy.optimize import least_squares  # slow to import, and an import is rare

    assumed = anchors.anchors()[_ASSUMED_FROM].operating
    assert assumed is not None
    processes = sorted({c.process for c in corners} - {own.process})
    common = {
        "exponent": assumed.delay_temperature_exponent.value,
        "alpha": assumed.alpha.value,
        "per_k": assumed.threshold_v_per_k.value,
    }
    logs: Vector = np.array([math.log(c.delay) for c in corners], dtype=float)
    lowest = min(c.voltage_v for c in (own, *corners))

    def unpacked(x: Vector) -> tuple[dict[str, float], dict[str, float]]:
        thresholds = dict(zip([own.process, *processes], x, strict=False))
        values = common | dict(zip(free, x[1 + len(processes) :], strict=True))
        return thresholds, values

    def log_delay(c: Observed, threshold: float, values: dict[str, float]) -> float:
        here = threshold - values["per_k"] * (c.temperature_c - own.temperature_c)
        over = max(c.voltage_v - here, _ALIKE)
        warm = values["exponent"] * math.log(kelvin(c.temperature_c) / kelvin(own.temperature_c))
        return math.log(c.voltage_v) - values["alpha"] * math.log(over) + warm

    def off(x: Vector) -> Vector:
        thresholds, values = unpacked(x)
        nominal = log_delay(own, thresholds[own.process], values)
        laws = [log_delay(c, thresholds[c.process], values) - nominal for c in corners]
        return np.array(laws, dtype=float) - logs

    start = np.array([0.4 * lowest] * (1 + len(processes)) + [common[name] for name in free])
    bounds = {"exponent": (0.0, 5.0), "alpha": (0.8, 3.0), "per_k": (0.0, 3e-3)}
    low = [0.0] * (1 + len(processes)) + [bounds[name][0] for name in free]
    high = [0.98 * lowest] * (1 + len(processes)) + [bounds[name][1] for name in free]
    scale = np.maximum(np.abs(start), 1e-3)
    found = least_squares(off, start, bounds=(low, high), x_scale=scale, xtol=1e-14, ftol=1e-14)
    thresholds, values = unpacked(found.x)
    return _Delay(
        thresholds[own.process], values["alpha"], values["per_k"], values["exponent"],
        frozenset({"threshold_v", *free}), math.expm1(float(np.abs(off(found.x)).max())),
    )  # fmt: skip


def _free(own: Observed, corners: Sequence[Observed], thresholds: int) -> list[str]:
    """Return the parameters of the delay law the corners can tell, besides the thresholds."""
    everything = [own, *corners]
    volts = max(len({c.voltage_v for c in some}) for some in _by_process(everything))
    degrees = len({c.temperature_c for c in everything})
    points = len({(c.voltage_v, c.temperature_c) for c in everything})
    wanted = [
        ("exponent", degrees > 1), ("alpha", volts > 2), ("per_k", degrees > 1 and points > 4),
    ]  # fmt: skip
    room = len(corners) - thresholds
    return [name for name, can in wanted if can][: max(0, room)]


@dataclass(frozen=True, slots=True)
class _Leakage:
    """The law of leakage: barrier and slope, the part that no barrier holds, largest deviation."""

    barrier_v: float
    per_v: float
    off: float
    floor: float = 0.0
    floor_per_v: float = 0.0

    def figures(self) -> dict[str, Figure]:
        """Return the figures of an operating section; a floor only where there is one."""
        found = {"leakage_barrier_v": self.barrier_v, "leakage_v_per_v": self.per_v}
        if self.floor:
            found |= {
                "leakage_floor_fraction": self.floor, "leakage_floor_per_v": self.floor_per_v
            }  # fmt: skip
        return {key: _known(value) for key, value in found.items()}


def _leakage(own: Observed, corners: Sequence[Observed]) -> _Leakage | None:
    """Fit the law of leakage, with a floor where there are corners to tell it by and it is seen."""
    over = _leakage_over(own, corners)
    levels = len({c.process for c in corners} - {own.process})
    if over is None or len(corners) <= _FLOORED + levels or over.off < _LEAST_ERROR:
        return over
    floored = _leakage_floored(own, corners, over)
    return floored if floored.off < over.off / 2 else over


def _leakage_floored(own: Observed, corners: Sequence[Observed], over: _Leakage) -> _Leakage:
    """Fit barrier and floor together; each process has its level of the first alone."""
    from scipy.optimize import least_squares  # slow to import, and an import is rare

    processes = sorted({c.process for c in corners} - {own.process})
    logs: Vector = np.array([math.log(c.leakage) for c in corners], dtype=float)
    cold = THERMAL_V_PER_K * kelvin(own.temperature_c)
    volts: Vector = np.array([c.voltage_v for c in corners], dtype=float)
    warm: Vector = np.array([THERMAL_V_PER_K * kelvin(c.temperature_c) for c in corners])
    of: Vector = np.array([[c.process == process for process in processes] for c in corners])

    def off(x: Vector) -> Vector:
        barrier, slope, part, rises = x[:_FLOORED]
        above = volts - own.voltage_v
        level = of @ x[_FLOORED:] if processes else 0.0
        exponent = barrier * (1 / cold - 1 / warm) + slope * above / warm + level
        heated = (1 - part) * (warm / cold) ** 2 * np.exp(exponent)
        both = np.log(volts / own.voltage_v) + np.log(heated + part * np.exp(rises * above))
        gap: Vector = both - logs
        return gap

    low = [0.0, 0.0, _ALIKE, 0.0] + [-20.0] * len(processes)
    high = [2.0, 1.0, 1 - _ALIKE, 40.0] + [20.0] * len(processes)
    fits = [
        least_squares(
            off, [max(over.barrier_v, 0.3), 0.05, part, 5.0] + [0.0] * len(processes),
            bounds=(low, high), x_scale=[0.1, 0.01, 0.1, 1.0] + [1.0] * len(processes),
        )
        for part in (0.01, 0.1, 0.5, 0.9)
    ]  # fmt: skip
    best = min(fits, key=lambda fit: float(fit.cost))
    barrier, slope, part, rises = map(float, best.x[:_FLOORED])
    worst = min(float(np.abs(best.fun).max()), _LARGEST_LOG)
    return _Leakage(barrier, slope, math.expm1(worst), part, rises)


def _leakage_over(own: Observed, corners: Sequence[Observed]) -> _Leakage | None:
    """Fit barrier and slope, a straight line in 1/kT and V/kT, with a level for each process."""
    processes = sorted({c.process for c in corners} - {own.process})
    cold = THERMAL_V_PER_K * kelvin(own.temperature_c)
    rows, logs = [], []
    for c in corners:
        warm = THERMAL_V_PER_K * kelvin(c.temperature_c)
        volts, degrees = c.voltage_v / own.voltage_v, warm / cold
        logs.append(math.log(c.leakage) - math.log(volts) - 2 * math.log(degrees))
        levels = [float(c.process == process) for process in processes]
        rows.append([1 / cold - 1 / warm, (c.voltage_v - own.voltage_v) / warm, *levels])
    table = np.array(rows)
    if np.linalg.matrix_rank(table) < table.shape[1]:
        return None
    fits = (_line(table, np.array(logs), kept) for kept in ((0, 1), (0,), (1,), ()))
    found, off = min(
        (fit for fit in fits if min(fit[0][:2]) >= 0),
        key=lambda fit: float(np.square(fit[1]).sum()),
    )
    worst = float(np.abs(off).max())
    return _Leakage(float(found[0]), float(found[1]), math.expm1(min(worst, _LARGEST_LOG)))


def _line(table: Vector, logs: Vector, kept: Sequence[int]) -> tuple[Vector, Vector]:
    """Fit a straight line with some of its two slopes and all levels; what is left out is zero."""
    columns = [*kept, *range(2, table.shape[1])]
    found: Vector = np.zeros(table.shape[1])
    if columns:
        found[columns] = np.linalg.lstsq(table[:, columns], logs, rcond=None)[0]
    return found, table @ found - logs


def _exponent(own: Observed, corners: Sequence[Observed]) -> tuple[Figure, float]:
    """Fit the power of the voltage that energy inside cells goes by; its deviation per octave."""
    pairs = [
        (math.log(c.voltage_v / own.voltage_v), math.log(c.internal))
        for c in corners
        if abs(c.voltage_v - own.voltage_v) > _ALIKE and c.internal > 0
    ]
    square = sum(x * x for x, _ in pairs)
    power = max(sum(x * y for x, y in pairs) / square, 0.0)
    off = max(math.expm1(abs(power * x - y)) / (abs(x) / math.log(2)) for x, y in pairs)
    return _known(power, "mean over cells"), off


def _inversion(
    own: Observed, corners: Sequence[Observed], threshold_v: float
) -> tuple[Figure, float]:
    """Fit the part of a pin's capacitance that inversion adds, by search; its deviation."""

    def off(part: float) -> float:
        lacking = part * threshold_v
        nominal = 1 - lacking / own.voltage_v
        return max(
            abs(math.log((1 - lacking / c.voltage_v) / nominal / c.capacitance)) for c in corners
        )

    steps = [i / 1000 for i in range(951)]
    best = min(steps, key=off)
    return _known(best, "of pins' mean capacitance"), math.expm1(off(best))


def _known(value: float, note: str = "") -> Figure:
    return Figure(value=anchors.rounded(value), source=SOURCE, note=note)


__all__ = ["Fitted", "Observed", "fitted", "process_of"]
