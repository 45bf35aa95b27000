"""Cell groups of a Liberty file turned into cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from asicbnn.technology.liberty.groups import (
    Attribute,
    Group,
    names_in,
)
from asicbnn.technology.liberty.library import (
    InternalPower,
    Leakage,
    LibertyCell,
    MemoryShape,
    Pin,
    Storage,
    Table,
    TimingArc,
)
from asicbnn.technology.liberty.tables import LARGEST, TableReader, sum_of

_DRAWBACKS: Final = {
    "dont_use": "dont_use",
    "use_for_size_only": "use_for_size_only",
    "always_on": "always_on",
    "is_level_shifter": "level_shifter",
    "is_isolation_cell": "isolation",
    "is_filler_cell": "filler",
    "is_decap_cell": "filler",
    "is_tap_cell": "filler",
    "pad_cell": "pad",
    "auxiliary_pad_cell": "pad",
    "is_macro_cell": "macro",
}
_NAMED_DRAWBACKS: Final = {
    "retention_cell": "retention", "power_gating_cell": "retention", "switch_cell_type": "switch",
    "level_shifter_type": "level_shifter",
}  # fmt: skip
_PIN_DRAWBACKS: Final = {
    "is_pad": "pad", "isolation_cell_enable_pin": "isolation",
    "isolation_cell_data_pin": "isolation", "level_shifter_data_pin": "level_shifter",
    "level_shifter_enable_pin": "level_shifter",
}  # fmt: skip
_NO_FULL_DRIVERS: Final = frozenset({
    "open_drain", "open_source", "pull_up", "pull_down", "bus_hold", "resistive", "resistive_0",
    "resistive_1",
})  # fmt: skip
_PIN_ROLES: Final = {
    "clock_gate_clock_pin": "gate_clock",
    "clock_gate_enable_pin": "gate_enable",
    "clock_gate_test_pin": "gate_test",
    "clock_gate_out_pin": "gate_out",
}
_STORAGE: Final = ("ff", "latch", "ff_bank", "latch_bank")
_SECOND_CLOCKS: Final = ("clocked_on_also", "enable_also")
_BUSES: Final = ("bus", "bundle")
_POWERS: Final = ("primary_power", "backup_power")


class CellReader:
    """Reads the cells of one library, with its defaults, units and templates."""

    def __init__(self, library: Group, tables: TableReader) -> None:
        self.tables = tables
        self.has_supplies = False
        """Whether internal power was told apart by supply pin, and added up."""
        self._library = library
        self._units = {name: library.text(name) for name in library.attributes}
        self._bus_bits: dict[str, int] = {}

    def require_units_first(self, library: Group, names: Iterable[str]) -> None:
        """Refuse a unit that is stated only after the figures that are in it."""
        for name in names:
            if name in library.attributes and name not in self._units:
                self.tables.statements.fail(
                    f"{name} must stand before the tables and cells", library.attributes[name].line
                )

    def number(self, group: Group, name: str, default: float = 0.0) -> float:
        """Return a number of a group, or the default; SpecError with the line for anything else."""
        attribute = group.attributes.get(name)
        if attribute is None:
            return default
        try:
            value = float(attribute.value.strip().strip('"'))
        except ValueError:
            value = float("nan")
        if not abs(value) < LARGEST:
            self._refuse(name, attribute)
        return value

    def _refuse(self, name: str, attribute: Attribute) -> None:
        self.tables.statements.fail(
            f"{name}: expected a number, got '{attribute.value.strip()[:40]}'", attribute.line
        )

    def add_bus_type(self, group: Group) -> None:
        """Remember the width of a bus type."""
        ends = [self.number(group, name) for name in ("bit_from", "bit_to")]
        bits = self.number(group, "bit_width", abs(ends[0] - ends[1]) + 1)
        self._bus_bits[group.argument] = int(bits)

    def cell(self, group: Group) -> LibertyCell:
        """Return a cell; SpecError with the line of what is wrong in it."""
        for bus_type in group.of("type"):
            self.add_bus_type(bus_type)
        pins = {pin.name: pin for pin in self._pins(group)}
        leakages = tuple(self._leakages(group))
        return LibertyCell(
            name=group.argument,
            area_um2=self.number(group, "area"),
            leakage_nw=self._cell_leakage_nw(group, leakages),
            leakages=leakages,
            pins=pins,
            storages=tuple(self._storages(group)),
            has_state_table=any(group.of("statetable")),
            clock_gate=group.text("clock_gating_integrated_cell").strip('"'),
            drawbacks=frozenset(_drawbacks(group, pins)),
            memory=self._memory(group),
            file=self.tables.statements.path,
            line=group.line,
            threshold=group.text("threshold_voltage_group")
            or self._library.text("default_threshold_voltage_group"),
            is_for_clock=group.is_true("is_clock_cell"),
        )

    def _leakages(self, group: Group) -> Iterator[Leakage]:
        """Yield leakage by state, summed over the supplies that a file may tell apart.

        What names no supply is the whole cell's, and stands for those that do beside it.
        """
        by_state: dict[str, dict[str, float]] = {}
        for part in group.of("leakage_power"):
            power = self.number(part, "value") * self.tables.scales.nw
            supplies = by_state.setdefault(part.text("when"), {})
            supplies.setdefault(_supply(part), power)
        for when, supplies in by_state.items():
            yield Leakage(supplies.get("", sum(supplies.values())), when)

    def _cell_leakage_nw(self, group: Group, leakages: tuple[Leakage, ...]) -> float:
        given = self.number(group, "cell_leakage_power") * self.tables.scales.nw
        if given > 0:
            return given
        states = [leakage.power_nw for leakage in leakages if leakage.when] or [
            leakage.power_nw for leakage in leakages
        ]
        if states:
            return sum(states) / len(states)
        density = self.number(self._library, "default_leakage_power_density")
        default = self.number(
            self._library, "default_cell_leakage_power", density * self.number(group, "area")
        )
        return default * self.tables.scales.nw

    def _pins(self, group: Group) -> Iterator[Pin]:
        for part in group.of("pin"):
            for name in names_in(part.argument):
                yield self._pin(name, 1, part)
        for bus in group.of(*_BUSES):
            width = self._width(bus)
            inner = tuple(bus.of("pin"))
            whole = _joined(bus, inner)
            yield self._pin(bus.argument, width, whole)

    def _width(self, bus: Group) -> int:
        if bus.kind == "bundle":
            return max(len(names_in(bus.text("members"))), 1)
        bits = self._bus_bits.get(bus.text("bus_type").strip('"'))
        if bits is None:
            self.tables.statements.fail(
                f"bus '{bus.argument}' has no bus_type that is defined above", bus.line
            )
        return bits

    def _pin(self, name: str, width: int, group: Group) -> Pin:
        direction = group.text("direction").strip('"').lower()
        if direction not in ("input", "output", "inout", "internal"):
            self.tables.statements.fail(
                f"pin '{name}': direction must be input, output, inout or internal, not "
                f"'{direction}'",
                group.line,
            )
        rise, fall, mean = self._capacitances_ff(group, direction)
        role = next((role for key, role in _PIN_ROLES.items() if group.is_true(key)), "")
        is_scan = group.text("signal_type").startswith("test_") or group.text(
            "nextstate_type"
        ).startswith("scan")
        return Pin(
            name=name,
            direction=direction,
            width=width,
            capacitance_ff=mean,
            rise_capacitance_ff=rise,
            fall_capacitance_ff=fall,
            function=group.text("function"),
            three_state=group.text("three_state"),
            is_clock=group.is_true("clock"),
            role="scan" if is_scan else role,
            arcs=tuple(self._arcs(group)),
            powers=tuple(self._powers(group)),
            minimum_period_ps=self.number(group, "min_period") * self.tables.scales.ps or None,
        )

    def _limit(self, group: Group, name: str, unit: float) -> float | None:
        return self.number(group, name) * unit if name in group.attributes else None

    def _capacitances_ff(self, group: Group, direction: str) -> tuple[float, float, float]:
        """Return rise, fall and mean capacitance of a pin [fF]."""
        default = self.number(self._library, f"default_{direction}_pin_cap")
        edges = [
            self.number(group, key) for key in ("rise_capacitance", "fall_capacitance")
            if key in group.attributes
        ]  # fmt: skip
        mean = self.number(group, "capacitance", sum(edges) / len(edges) if edges else default)
        unit = self.tables.scales.ff
        return (
            self.number(group, "rise_capacitance", mean) * unit,
            self.number(group, "fall_capacitance", mean) * unit,
            mean * unit,
        )

    def _arcs(self, pin: Group) -> Iterator[TimingArc]:
        for group in pin.of("timing"):
            tables: dict[str, Table] = {}
            for part in group.parts:
                tables[part.kind] = self.tables.table(part, self.tables.scales.ps)
            for related in _related(group):
                yield TimingArc(
                    related_pin=related,
                    sense=group.text("timing_sense").strip('"'),
                    kind=group.text("timing_type", "combinational").strip('"'),
                    when=group.text("when"),
                    **tables,
                )

    def _powers(self, pin: Group) -> Iterator[InternalPower]:
        """Yield internal power by cause and condition, summed over the supplies told apart."""
        found: list[InternalPower] = []
        supplies: dict[tuple[str, str], tuple[int, set[str]]] = {}
        for group in pin.of("internal_power"):
            tables = {
                part.kind.removesuffix("_power"): self.tables.table(part, self.tables.scales.fj)
                for part in group.parts
            }
            both = tables.get("power")
            rise, fall = tables.get("rise", both), tables.get("fall", both)
            supply = _supply(group)
            for related in _related(group):
                key = related, group.text("when")
                index, seen = supplies.get(key, (0, set()))
                if supply and seen and supply not in seen:
                    before = found[index]
                    total = sum_of(before.rise, rise), sum_of(before.fall, fall)
                    found[index] = replace(before, rise=total[0], fall=total[1])
                    seen.add(supply)
                    self.has_supplies = True
                else:
                    supplies[key] = len(found), {supply} - {""}
                    other = group.text("equal_or_opposite_output")
                    found.append(InternalPower(*key, rise, fall, other))
        yield from found

    def _storages(self, group: Group) -> Iterator[Storage]:
        for part in group.of(*_STORAGE):
            names = names_in(part.argument)
            is_bank = part.kind.endswith("_bank")
            bits = int(names[-1]) if is_bank and names and names[-1].isdigit() else 1
            is_flop = part.kind.startswith("ff")
            yield Storage(
                kind="flop" if is_flop else "latch",
                variables=names[:-1] if is_bank else names,
                bits=bits,
                clock=part.text("clocked_on" if is_flop else "enable"),
                data=part.text("next_state" if is_flop else "data_in"),
                clear=part.text("clear"),
                preset=part.text("preset"),
                has_second_clock=any(key in part.attributes for key in _SECOND_CLOCKS),
            )

    def _memory(self, group: Group) -> MemoryShape | None:
        for part in group.of("memory"):
            return MemoryShape(
                kind=part.text("type").strip('"'),
                address_bits=int(self.number(part, "address_width")),
                word_bits=int(self.number(part, "word_width")),
            )
        return None


def _supply(group: Group) -> str:
    """Return the supply a figure is of; files older than supply pins name a power level."""
    return group.text("related_pg_pin") or group.text("power_level")


def _related(group: Group) -> tuple[str, ...]:
    """Return the related pins of a group; one without any stands for the pin itself."""
    return names_in(group.text("related_pin") + " " + group.text("related_bus_pins")) or ("",)


def _joined(bus: Group, inner: tuple[Group, ...]) -> Group:
    """Return a bus with what its first inner pin group adds."""
    if not inner:
        return bus
    first = inner[0]
    return Group(
        bus.kind,
        bus.argument,
        bus.line,
        {**bus.attributes, **first.attributes},
        [*bus.complex, *first.complex],
        [*bus.parts, *first.parts],
    )


def _drawbacks(group: Group, pins: dict[str, Pin]) -> Iterator[str]:
    for key, drawback in _DRAWBACKS.items():
        if group.is_true(key):
            yield drawback
    for key, drawback in _NAMED_DRAWBACKS.items():
        if group.text(key):
            yield drawback
    if any(group.of("test_cell")) or any(pin.role == "scan" for pin in pins.values()):
        yield "scan"
    for pin in group.of("pin", *_BUSES):
        yield from (drawback for key, drawback in _PIN_DRAWBACKS.items() if pin.is_true(key))
        if "retention_pin" in pin.attributes:
            yield "retention"
        if pin.text("driver_type").strip('"') in _NO_FULL_DRIVERS:
            yield "driver"
    powers = [pin for pin in group.of("pg_pin") if pin.text("pg_type") in _POWERS]
    if len(powers) > 1:
        yield "supplies"
