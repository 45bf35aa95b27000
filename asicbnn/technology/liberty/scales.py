"""The units a Liberty file states, as factors to this program's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from asicbnn.technology.liberty.groups import Attribute, Group, names_in
from asicbnn.technology.liberty.statements import Statements

_PREFIXES: Final = {
    "": 1.0, "a": 1e-18, "f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3,
}  # fmt: skip
_UNIT = re.compile(r'\s*"?\s*([0-9.]+(?:[eE][-+]?\d+)?)?\s*\*?\s*([afpnumk]?)\s*([a-z]+)\s*"?\s*')
_PS_PER_S, _FF_PER_F, _FJ_PER_J, _NW_PER_W = 1e12, 1e15, 1e15, 1e9
_DEFAULTS: Final = {"time_unit": "1ns", "voltage_unit": "1V", "leakage_power_unit": "1nW"}
_LARGEST: Final = 1e9
"""No unit is this many times another; products of such would not stay finite."""

_BASES: Final = {
    "time_unit": ("s", "sec"), "voltage_unit": ("v", "volt"), "leakage_power_unit": ("w", "watt"),
    "capacitive_load_unit": ("f", "farad"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scales:
    """Multiply a number of the file by these: to ps, fF, V, fJ (internal energy) and nW (leakage).

    Internal energy is in units of capacitance times voltage squared (Liberty User Guide,
    "internal_power"). assumed : units the file does not state, and what is taken instead.
    """

    ps: float
    ff: float
    v: float
    fj: float
    nw: float
    assumed: tuple[str, ...]


def scales_of(statements: Statements, library: Group) -> Scales:
    """Return the factors of a library's units; SpecError with the line for a unit not known."""
    assumed = []
    found = {}
    for name, default in _DEFAULTS.items():
        attribute = library.attributes.get(name)
        if attribute is None:
            assumed.append(f"{name} is not stated; taken as {default}, the usual one")
            attribute = Attribute(default, library.line)
        found[name] = _unit(statements, name, attribute, attribute.value)
    farad = _farad(statements, library.attributes.get("capacitive_load_unit"))
    if farad is None:
        assumed.append("capacitive_load_unit is not stated; taken as 1 pF, the usual one")
        farad = 1e-12
    volt = found["voltage_unit"]
    return Scales(
        ps=found["time_unit"] * _PS_PER_S,
        ff=farad * _FF_PER_F,
        v=volt,
        fj=farad * volt**2 * _FJ_PER_J,
        nw=found["leakage_power_unit"] * _NW_PER_W,
        assumed=tuple(assumed),
    )


def _farad(statements: Statements, attribute: Attribute | None) -> float | None:
    """Return ``capacitive_load_unit (1, pf)`` in farad."""
    if attribute is None:
        return None
    size, *unit = names_in(attribute.value) or ("",)
    return _unit(statements, "capacitive_load_unit", attribute, f"{size} {''.join(unit)}")


def _unit(statements: Statements, name: str, attribute: Attribute, text: str) -> float:
    match = _UNIT.fullmatch(text.strip().lower())
    size = float(match[1] or 1) if match and _is_number(match[1] or "1") else 0.0
    prefix, base = (match[2], match[3]) if match else ("", "")
    if prefix + base in _BASES[name]:  # "farad" is no femto-arad
        prefix, base = "", prefix + base
    if base not in _BASES[name] or not 1 / _LARGEST <= size <= _LARGEST:
        wanted = {"capacitive_load_unit": "(1, pf)"}.get(name, f'"{_DEFAULTS.get(name)}"')
        given = attribute.value.strip()[:40]
        statements.fail(
            f"{name}: expected a number and a unit such as {wanted}, got '{given}'", attribute.line
        )
    return size * _PREFIXES[prefix]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
