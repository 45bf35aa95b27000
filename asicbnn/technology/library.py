"""A technology: what standard cells cost, in one library at one operating point.

`load` reads a shipped technology by name or a user's file by path. Models and hardware see the
frozen `Technology` alone, so a deeper treatment of technology stays behind this interface.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

from asicbnn.errors import ModelError, Problem, SpecError
from asicbnn.levels import ResultLevel
from asicbnn.spec.check import sure_kind
from asicbnn.spec.document import Document
from asicbnn.spec.parse import parse
from asicbnn.spec.source import decode
from asicbnn.spec.wording import article
from asicbnn.technology.cells import OUTPUTS, ROLES, Cells
from asicbnn.technology.composition import Cell, resolve
from asicbnn.technology.corners import Ratios
from asicbnn.technology.factor_entries import (
    CalibrationEntry,
    CellMemoryEntry,
    PlacedWires,
    RoutedEntry,
)
from asicbnn.technology.form import Figure, read_form
from asicbnn.technology.known_names import unknown
from asicbnn.technology.macro import MacroList
from asicbnn.technology.macros import load as load_macros
from asicbnn.technology.operating_entry import OperatingEntry
from asicbnn.technology.popcount_entries import PopcountDelayEntry, PopcountEnergyEntry
from asicbnn.technology.schema import CornerEntry, SramEntry, TechnologyFile

LIBRARIES = Path(__file__).parent / "libraries"
"""Where the shipped technology files lie."""

_CLOCK_TREE_BUFFER = "clock_tree_buffer"
_MM_PER_UM = 1e-3


@dataclass(frozen=True, eq=False)
class Technology:
    """A standard-cell library at one voltage and temperature.

    Two technologies are equal when they were read from the same bytes (``digest``).
    """

    name: str
    description: str
    digest: str
    node_nm: float
    voltage_v: float
    temperature_c: float
    fo4_delay_ps: float
    inverter_capacitance_ff: float
    inverter_toggle_energy_fj: float
    gate_equivalent_um2: float
    wire_ff_per_mm: float
    wire_ohm_per_um: float | None
    clock_wire_ff_per_mm: float
    setup_ps: float
    path_relative_error: float
    clock_tree_energy_fj_per_sink: float
    clock_tree_area_um2_per_sink: float
    cells: Mapping[str, Cell] = field(repr=False)
    clock_buffer: Cell = field(repr=False)
    popcount_energies: Mapping[str, PopcountEnergyEntry] = field(repr=False)
    popcount_delays: Mapping[str, PopcountDelayEntry] = field(repr=False)
    sram: SramEntry = field(repr=False)
    macros: MacroList | None = field(repr=False)
    sources: Mapping[str, str] = field(repr=False)
    routed: RoutedEntry | None = field(repr=False)
    flags: tuple[str, ...] = field(repr=False)
    """What is composed, scaled or assumed, one sentence each, for reports."""
    before_gates: tuple[str, ...] = field(default=(), repr=False)
    """Those of `flags` about figures whose place the factors of gates take."""
    operating: OperatingEntry | None = field(default=None, repr=False)
    corners: tuple[CornerEntry, ...] = field(default=(), repr=False)
    calibration: Mapping[str, CalibrationEntry] = field(default_factory=dict, repr=False)
    """Factors to gate level by structure; none for a technology that was not calibrated."""
    cell_memories: Mapping[str, CellMemoryEntry] = field(default_factory=dict, repr=False)
    """Factors of latch and register memories; none where they were not measured."""
    placed_wires: Mapping[str, PlacedWires] = field(default_factory=dict, repr=False)
    """Factors of wires inside blocks; none where no accelerator was placed."""
    node_error: float = 0.0
    """Relative error of every figure of a technology scaled between libraries."""
    leakage_error: float | None = None
    """Relative error of its leakage, where that is another; None where nothing says so."""
    inverter_width_um: float | None = None
    """Mean channel width of the inverter's transistors."""
    moved_by: Ratios = field(default=Ratios(), repr=False)
    """How far the figures are from the library's own voltage and temperature."""
    moved_from: Technology | None = field(default=None, repr=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Technology) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def best_level(self) -> ResultLevel:
        """The level of an estimate that asks for none: gate if the technology was calibrated."""
        return "gate" if self.calibration else "cell"

    def cell(self, role: str) -> Cell:
        """Figures of one cell of ``role``; a role that does not exist is a ModelError."""
        if role not in ROLES:
            raise ModelError(unknown("cell role", role, ROLES))
        return self.cells[role]

    def area_um2(self, cells: Cells) -> float:
        """Sum of the cells' areas [um2]; neither utilisation nor clock tree included."""
        return sum(number * self.cells[role].area_um2 for role, number in cells.items())

    def leakage_nw(self, cells: Cells) -> float:
        """Sum of the cells' leakage [nW], states weighted as in the Liberty file."""
        return sum(number * self.cells[role].leakage_nw for role, number in cells.items())

    def switching_energy_fj(self, cells: Cells, activity: float) -> float:
        """Energy per cycle of outputs that switch ``activity`` times per cycle each [fJ].

        Every output drives four inverters, standing in for real fan-out and wire; both outputs of
        a full or half adder count. Clock pins are not in it. 0.5 is a random bit, without glitches.
        Raises ModelError for an activity below 0.
        """
        if not activity >= 0:
            raise ModelError(f"activity must be >= 0 [transitions per cycle], not {activity}")
        return activity * sum(
            number * OUTPUTS[role] * self.cells[role].toggle_energy_fj
            for role, number in cells.items()
        )

    def clock_energy_fj_per_cycle(self, cells: Cells) -> float:
        """Energy of one clock cycle in every clocked cell and its share of the clock tree [fJ].

        All flops, latches and clock gates of ``cells`` are taken as ungated; what sits behind a
        gate is left out by the caller. The tree's fan-out and wire are assumed (see `flags`).
        """
        tree = self.clock_tree_energy_fj_per_sink
        sinks = (number for role, number in cells.items() if self._is_clocked(role))
        return self.clock_pin_energy_fj_per_cycle(cells) + tree * sum(sinks)

    def clock_pin_energy_fj_per_cycle(self, cells: Cells) -> float:
        """Energy of one clock cycle in every clocked cell and on its clock pin, no tree [fJ]."""
        sinks = ((number, self.cells[role].clock_energy_fj) for role, number in cells.items())
        return sum(number * energy for number, energy in sinks if energy is not None)

    def _is_clocked(self, role: str) -> bool:
        return self.cells[role].clock_energy_fj is not None

    def clock_tree_area_um2(self, cells: Cells) -> float:
        """Area of the clock buffers that the clocked cells need [um2]; not in `area_um2`."""
        sinks = cells.flop + cells.latch + cells.clock_gate
        return sinks * self.clock_tree_area_um2_per_sink

    def pin_energy_fj(self, role: str) -> float:
        """Charge energy of one transition of one average input pin, 0.5 C V^2 [fJ]."""
        return 0.5 * self.cell(role).input_capacitance_ff * self.voltage_v**2

    def wire_ff(self, length_um: float) -> float:
        """Capacitance of a signal wire [fF]."""
        return self.wire_ff_per_mm * length_um * _MM_PER_UM

    def wire_energy_fj(self, length_um: float) -> float:
        """Charge energy of one transition of a signal wire, 0.5 C V^2 [fJ]."""
        return 0.5 * self.wire_ff(length_um) * self.voltage_v**2

    @property
    def off_current_na_per_um(self) -> float | None:
        """Current of a transistor that is off, per width of its channel [nA/um].

        That of the inverter at the library's own point: leakage / (V x mean width), each of the
        two being off half the time; None where no width is stated.
        """
        if self.inverter_width_um is None:
            return None
        own = self.nominal
        return own.cells["inverter"].leakage_nw / (own.voltage_v * self.inverter_width_um)

    @property
    def nominal(self) -> Technology:
        """The library at its own voltage and temperature."""
        return self.moved_from or self

    def at(self, voltage_v: float | None = None, temperature_c: float | None = None) -> Technology:
        """Return the library at a voltage and a temperature; None stands for its own.

        Raises SpecError where its figures do not reach, with the range and a cure.
        """
        from asicbnn.technology.moving import moved

        own = self.nominal
        volts = own.voltage_v if voltage_v is None else voltage_v
        return moved(own, volts, own.temperature_c if temperature_c is None else temperature_c)


def names() -> tuple[str, ...]:
    """Names of the technologies shipped with the program."""
    return tuple(sorted(path.stem for path in LIBRARIES.glob("*.yaml")))


def load(name_or_path: str | Path) -> Technology:
    """Read a technology: a shipped name such as ``sky130hd``, or the path of a YAML file.

    ``scaled:28`` stands for a node between those of shipped libraries (`scaling.py`).
    """
    from asicbnn.technology import scaling  # which interpolates between what is loaded here

    if str(name_or_path).startswith("scaled:"):
        return scaling.named_scaled(str(name_or_path))
    data, path = _found(name_or_path)
    if _kind(data, path) == "scaled":
        return scaling.read_scaled(data, path)
    return _read(data, path, load_macros(_form(data, path).macros, Path(path).parent))


def file_of(name_or_path: str | Path) -> TechnologyFile:
    """Read a technology as its file states it, composed cells unresolved.

    Raises SpecError as `load` does, and for a node between libraries, which has no file.
    """
    if str(name_or_path).startswith("scaled:"):
        message = f"{name_or_path} is interpolated between libraries and has no file of its own"
        raise SpecError(Problem(message, path="technology", help=f"known: {', '.join(names())}"))
    load(name_or_path)  # a file whose cells do not compose is refused here too
    return _form(*_found(name_or_path))


def text_of(name_or_path: str | Path) -> str:
    """Return a technology file as it is written, comments and all; errors as `load`."""
    load(name_or_path)  # what is no technology is refused here
    data, _ = _found(name_or_path)
    return data.decode("utf-8")


_LIBERTY: Final = (".lib", ".lib.gz", ".liberty")
"""How the files end that technologies are made of."""


def _found(name_or_path: str | Path) -> tuple[bytes, str]:
    """Return the bytes of a technology file and its path."""
    text = str(name_or_path)
    if text.endswith(_LIBERTY):
        message = "this is a Liberty file; a technology file was wanted"
        cure = "`asicbnn technology import` makes a technology of Liberty files"
        raise SpecError(Problem(message, text, help=cure))
    if text in names():
        path = LIBRARIES / f"{text}.yaml"
    elif text.endswith((".yaml", ".yml")) or "/" in text:
        path = Path(text)
    else:
        message = unknown("technology", text, names())
        raise SpecError(Problem(message, path="technology", help="or give the path of a .yaml"))
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SpecError(Problem(f"the technology cannot be read: {reason}", str(path))) from None
    return data, str(path)


@lru_cache(maxsize=32)  # a sweep loads the same file for every point
def _kind(data: bytes, path: str) -> object:
    root = parse(decode(data, path), path).root
    tree = root.plain() if root is not None else None
    return tree.get("kind") if isinstance(tree, dict) else None


@lru_cache(maxsize=32)
def _form(data: bytes, path: str) -> TechnologyFile:
    if _kind(data, path) == "published":
        raise SpecError(_only_replayed(path))
    _refuse_specs(parse(decode(data, path), path))
    return read_form(TechnologyFile, data, path)


@lru_cache(maxsize=32)
def _read(data: bytes, path: str, macros: MacroList | None) -> Technology:
    file = _form(data, path)
    volts = file.voltage_v.value
    try:
        cells = resolve(file.cells, volts, file.inverter_capacitance_ff.value)
    except ValueError as error:
        raise SpecError(Problem(str(error), path, path="cells")) from None
    tree_energy, tree_area = _clock_tree(file, cells)
    return Technology(
        name=file.name,
        description=file.description,
        digest=_digest(data, macros),
        node_nm=file.node_nm.value,
        voltage_v=volts,
        temperature_c=file.temperature_c.value,
        fo4_delay_ps=file.fo4_delay_ps.value,
        inverter_capacitance_ff=file.inverter_capacitance_ff.value,
        inverter_toggle_energy_fj=file.inverter_toggle_energy_fj.value,
        gate_equivalent_um2=file.gate_equivalent_um2.value,
        wire_ff_per_mm=file.wire_ff_per_mm.value,
        wire_ohm_per_um=file.wire_ohm_per_um.value if file.wire_ohm_per_um else None,
        inverter_width_um=file.inverter_width_um.value if file.inverter_width_um else None,
        clock_wire_ff_per_mm=file.clock_wire_ff_per_mm.value,
        setup_ps=file.setup_ps.value,
        path_relative_error=file.path_relative_error.value,
        clock_tree_energy_fj_per_sink=tree_energy,
        clock_tree_area_um2_per_sink=tree_area,
        cells={role: cells[role] for role in ROLES},
        clock_buffer=cells.get(_CLOCK_TREE_BUFFER, cells["buffer"]),
        popcount_energies=dict(file.popcount_energy),
        popcount_delays=dict(file.popcount_delay),
        sram=file.sram,
        routed=file.routed,
        macros=macros,
        sources=dict(file.sources),
        flags=tuple(_flags(file, cells)),
        before_gates=tuple(_before_gates(file)),
        operating=file.operating,
        corners=file.corners,
        calibration=dict(file.calibration),
        cell_memories={str(rows): entry for rows, entry in file.cell_memories.items()},
        placed_wires=dict(file.placed_wires),
    )


def _refuse_specs(document: Document) -> None:
    """Refuse a file of another kind where a technology is wanted, as what it is."""
    kind = sure_kind(document)
    if kind not in ("", "technology"):
        message = f"this is {article(kind)} {kind} file; a technology file was wanted"
        raise SpecError(document.problem((), message))


def _only_replayed(path: str) -> Problem:
    return Problem(
        "kind published: the unit energies of one chip price its own events, not the cells of "
        "another design",
        path,
        path="kind",
        help="name a technology of cells; `asicbnn validate` replays published chips",
    )


def _digest(data: bytes, macros: MacroList | None) -> str:
    """Digest of everything the figures come from: the file, and the macros it lists."""
    return hashlib.sha256(data + (macros.digest.encode() if macros else b"")).hexdigest()


def _clock_tree(file: TechnologyFile, cells: Mapping[str, Cell]) -> tuple[float, float]:
    """Energy per cycle [fJ] and area [um2] of buffers and wire for one clocked cell.

    A tree of fan-out F has 1/(F-1) buffers per sink; each net switches twice in a cycle.
    """
    buffer = cells.get(_CLOCK_TREE_BUFFER, cells["buffer"])
    buffers = 1 / (file.clock_tree_fanout.value - 1)
    wire_ff = file.clock_wire_ff_per_mm.value * file.clock_tree_wire_um_per_sink.value * _MM_PER_UM
    charged_ff = buffers * buffer.input_capacitance_ff + wire_ff
    energy = charged_ff * file.voltage_v.value**2 + 2 * buffers * buffer.internal_energy_fj
    return energy, buffers * buffer.area_um2


def flags_of(file: TechnologyFile) -> tuple[str, ...]:
    """Return what is composed, scaled or assumed in a file, one sentence each."""
    volts, inverter_ff = file.voltage_v.value, file.inverter_capacitance_ff.value
    return tuple(_flags(file, resolve(file.cells, volts, inverter_ff)))


def _flags(file: TechnologyFile, cells: Mapping[str, Cell]) -> Iterator[str]:
    for role in ROLES:
        if cells[role].composed:
            yield f"{role} is composed of {cells[role].composition}: {cells[role].note}"
    for key in type(file).model_fields:
        figure = getattr(file, key)
        if isinstance(figure, Figure) and figure.assumed:
            yield _assumed(key, figure)
    yield from _of_popcounts(file)
    if file.sram.scaled:
        yield f"SRAM is scaled from {file.sram.fit}: its energy, area and timing are wide bands"


def _before_gates(file: TechnologyFile) -> Iterator[str]:
    if file.path_relative_error.assumed:
        yield _assumed("path_relative_error", file.path_relative_error)
    yield from _of_popcounts(file)


def _assumed(key: str, figure: Figure) -> str:
    return f"{key} = {figure.value:g} is assumed: {figure.note}"


def _of_popcounts(file: TechnologyFile) -> Iterator[str]:
    for structure, energy in file.popcount_energy.items():
        if energy.scaled:
            yield f"energy of a {structure} popcount is scaled: {energy.note}"
    for structure, delay in file.popcount_delay.items():
        if delay.derived:
            yield f"delay of a {structure} popcount is derived: {delay.note}"
