"""A latch or flip-flop memory as mapped gates: area, leakage, access time, energy of what it does.

The memory alone is mapped, then played with cell delays; for its access time flip-flops are put on
its ports, as the machine has them. The write data register and the clock gates are the memory's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from asicbnn.calibration import opensta
from asicbnn.calibration.annotation import annotated
from asicbnn.calibration.gate_cells import GateCells
from asicbnn.calibration.gate_energy import Energy, GateEnergy, energies
from asicbnn.calibration.mapped_netlist import MappedNetlist
from asicbnn.calibration.port_flops import registered
from asicbnn.calibration.read_parts import ReadPart, read_parts
from asicbnn.calibration.static_timing import longest_path
from asicbnn.calibration.synthesis import Flow
from asicbnn.calibration.timed_circuit import TimedCircuit
from asicbnn.calibration.timed_simulation import Bits, TimedSimulation
from asicbnn.errors import EnvironmentProblem, SimulationError
from asicbnn.hardware.verilog.cell_memories import CellMemory
from asicbnn.hardware.verilog.writer import VerilogBlock
from asicbnn.technology.decoder import Order
from asicbnn.technology.liberty import LibertyCell, Library
from asicbnn.technology.liberty.functions import truth_table
from asicbnn.technology.row_memory import RowKind
from asicbnn.technology.row_read import ReadEnergy

Play = Literal["random_reads", "sequential_reads", "random_writes", "sequential_writes", "idle"]
PLAYS: tuple[Play, ...] = get_args(Play)
_READS: Mapping[Order, Play] = {"sequential": "sequential_reads", "random": "random_reads"}
_CYCLES = 128
_TOP = "toplevel"
_BUFFER = 0b10


@dataclass(frozen=True)
class MemoryGates:
    """One memory as gates.

    area_um2, leakage_nw  of all cells     period_ps  register to register, setup in it
    energy_fj             of a cycle of each play, address and data pins in it; a cycle that is
                          idle is subtracted from those that read or write
    reads                 those that read by what takes them
    glitch_share          of the logic's energy of random reads
    """

    area_um2: float
    leakage_nw: float
    period_ps: float
    energy_fj: Mapping[Play, float]
    reads: Mapping[Order, ReadEnergy]
    glitch_share: float


class MemoryAtGates:
    """Maps memories to the cells of a flow's library."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow

    def netlist(self, memory: CellMemory) -> MappedNetlist:
        """Map a memory. Raises EnvironmentProblem for a library without latches."""
        return self.mapped_text(replace(memory, module=_TOP).text(), memory.kind)

    def mapped_text(self, text: str, kind: RowKind) -> MappedNetlist:
        cells = memory_cells(self.flow.library, self.flow.cells.names, kind)
        none: Mapping[str, int] = MappingProxyType({})
        block = VerilogBlock(
            _TOP, f"{text}\n{cells}", none, MappingProxyType({}), MappingProxyType({}), (), none
        )
        return self.flow.netlist(block, "adder_cells")

    @cached_property
    def cells(self) -> GateCells:
        return GateCells(self.flow.library)

    def measured(self, memory: CellMemory, *, reads: int = _CYCLES) -> MemoryGates:
        """Map a memory, time it and play it."""
        return self.measured_netlist(self.netlist(memory), memory, reads)

    def measured_netlist(
        self, netlist: MappedNetlist, memory: CellMemory, cycles: int
    ) -> MemoryGates:
        cells = [self.flow.library.cells[i.cell] for i in netlist.instances]
        circuit = TimedCircuit(annotated(netlist, self.cells))
        parts = read_parts(netlist, self.cells)
        played = {play: _played(circuit, memory, play, cycles, parts) for play in PLAYS}
        idle = played["idle"]
        spent = {p: each.whole_fj - (p != "idle") * idle.whole_fj for p, each in played.items()}
        return MemoryGates(
            sum(cell.area_um2 for cell in cells), sum(cell.leakage_nw for cell in cells),
            self._period_ps(netlist), spent,
            {order: played[play].beside(idle) for order, play in _READS.items()},
            played["random_reads"].glitch_share,
        )  # fmt: skip

    def _period_ps(self, netlist: MappedNetlist) -> float:
        timed = registered(netlist, self.flow.library, self.flow.cells.names)
        if opensta.is_installed():
            found = opensta.longest_period_ps(timed, self.flow.cells, has_latches=True)
        else:
            path = longest_path(timed, self.flow.library)
            found = path.period_ps if path else None
        assert found is not None  # every memory is read from register to register
        return found


def memory_cells(library: Library, usable: frozenset[str], kind: RowKind) -> str:
    """Return the modules `word_lines` and, for latch memories, `latch` of a library's cells.

    Both are of the smallest cell there is. Raises EnvironmentProblem for a library without latches.
    """
    cells = sorted((library.cells[name] for name in usable), key=lambda c: (c.area_um2, c.name))
    buffers = (f"(* keep *) {c.name} cell_i ({pins});" for c in cells if (pins := _buffer_pins(c)))
    driver = next(buffers, "assign driven[i] = line[i];")
    ports = "input [WORDS-1:0] line, output [WORDS-1:0] driven"
    lines = _per_bit("word_lines", "WORDS", ports, driver)
    if kind == "register":
        return lines
    for cell in cells:
        if bound := _latch_pins(cell):
            ports = "input enable, input [WIDTH-1:0] data, output [WIDTH-1:0] stored"
            body = f"(* keep *) {cell.name} cell_i ({bound});"
            return lines + _per_bit("latch", "WIDTH", ports, body)
    raise EnvironmentProblem(f"library {library.name} has no latch that is open at 1")


def _per_bit(module: str, parameter: str, ports: str, body: str) -> str:
    return (
        f"module {module} #(parameter {parameter} = 1) ({ports});\n  genvar i;\n  generate\n"
        f"    for (i = 0; i < {parameter}; i = i + 1) begin : bits\n"
        f"      {body}\n    end\n  endgenerate\nendmodule\n"
    )


def _buffer_pins(cell: LibertyCell) -> str:
    """Return the pins of a buffer, bound; nothing for another cell."""
    outputs, inputs = list(cell.outputs()), [pin.name for pin in cell.inputs()]
    if cell.storages or cell.clock_gate or len(inputs) != 1 or len(outputs) != 1:
        return ""
    [out] = outputs
    if not out.function or truth_table(out.function, inputs) != _BUFFER:
        return ""
    return f".{inputs[0]}(line[i]), .{out.name}(driven[i])"


def _latch_pins(cell: LibertyCell) -> str:
    """Return the pins of a plain latch, bound; nothing for another cell."""
    outputs, inputs = list(cell.outputs()), [pin.name for pin in cell.inputs()]
    if len(cell.storages) != 1 or cell.clock_gate or len(inputs) != 2 or len(outputs) != 1:
        return ""
    [storage], [out] = cell.storages, outputs
    data, clock = storage.data.strip("() "), storage.clock.strip("() ")
    is_plain = out.function.strip("() ") == storage.variables[0]
    if storage.kind != "latch" or {data, clock} != set(inputs) or not is_plain:
        return ""
    return f".{data}(data[i]), .{clock}(enable), .{out.name}(stored[i])"


# ---------------------------------------------------------------------- what is played
@dataclass(frozen=True)
class Cycle:
    """What the ports of a memory see; a port at rest keeps its address and data."""

    read_address: int
    write_address: int
    data: int
    enable: int

    def pins(self) -> Mapping[str, int]:
        return {
            "read_address0": self.read_address, "write_address0": self.write_address,
            "write_data0": self.data, "write_enable0": self.enable,
        }  # fmt: skip


@dataclass(frozen=True)
class _Played:
    """Energy of a cycle of a play [fJ]: of all, of parts of its logic, of glitches.

    whole_fj  the clock and what charges the inputs in it
    """

    whole_fj: float
    lines_fj: float
    columns_fj: float
    logic_fj: float
    glitches_fj: float

    @property
    def glitch_share(self) -> float:
        """Of the logic's energy."""
        return self.glitches_fj / self.logic_fj if self.logic_fj else 0.0

    def beside(self, idle: _Played) -> ReadEnergy:
        """Return the parts of a read; what is neither lines nor columns is the address's."""
        lines, columns = self.lines_fj - idle.lines_fj, self.columns_fj - idle.columns_fj
        return ReadEnergy(lines, self.whole_fj - idle.whole_fj - lines - columns, columns)


def _played(
    circuit: TimedCircuit, memory: CellMemory, play: Play, cycles: int, parts: Sequence[ReadPart]
) -> _Played:
    """Fill a memory with random words, play, and so on until there were enough cycles.

    Reads see each filling about once: what they take goes by how many bits of the words they meet
    are alike, and a few words of a few bits are not half alike.

    Raises SimulationError if a word that is read is not the one that was written.
    """
    random = np.random.default_rng(1)
    simulation = TimedSimulation(circuit, circuit.netlist.outputs["read_data0"])
    rounds = max(1, cycles // memory.words) if play in _READS.values() else 1
    seen, found = _Reference(memory), []
    for number in range(rounds):
        filling = [_write(memory, 0, word, _whole(memory), random) for word in range(memory.words)]
        playing = list(_playing(memory, play, cycles // rounds, random))
        if not number:
            simulation.start(_rows(circuit, filling[:1])[0])
        seen.check(filling, simulation.run(_rows(circuit, filling)), judged=False)
        rows = _rows(circuit, playing)
        seen.check(playing[:2], simulation.run(rows[:2]))
        simulation.forget()
        seen.check(playing[2:], simulation.run(rows[2:]))
        found.append(_spent(energies(circuit, simulation.counted(), names=parts)))
    return _Played(*(sum(each) / rounds for each in zip(*map(astuple, found), strict=True)))


def _spent(found: GateEnergy) -> _Played:
    """Return what a cycle took."""
    lines, columns = (found.components.get(part, Energy()) for part in ("lines", "columns"))
    total = found.total
    spent = (
        total.total_fj + found.inputs_fj, lines.logic_fj, columns.logic_fj, total.logic_fj,
        total.glitches_fj,
    )  # fmt: skip
    return _Played(*(fj / found.cycles for fj in spent))


class _Reference:
    """What a memory shows: a word from the cycle after its write on."""

    def __init__(self, memory: CellMemory) -> None:
        self.memory, self._words = memory, [0] * memory.words
        self._pending: Cycle | None = None

    def check(self, cycles: Sequence[Cycle], seen: Bits, *, judged: bool = True) -> None:
        for cycle, row in zip(cycles, seen, strict=True):
            if self._pending is not None:
                self._store(self._pending)
            self._pending = cycle
            shown = sum(int(bit) << i for i, bit in enumerate(row))
            if judged and shown != self._words[cycle.read_address]:
                raise SimulationError(
                    f"{self.memory.module}: gates read {shown:x} from word {cycle.read_address}, "
                    f"which holds {self._words[cycle.read_address]:x}"
                )

    def _store(self, cycle: Cycle) -> None:
        mask, low = 0, 0
        for p, bits in enumerate(self.memory.parts):
            if cycle.enable >> p & 1:
                mask |= ((1 << bits) - 1) << low
            low += bits
        old = self._words[cycle.write_address]
        self._words[cycle.write_address] = (old & ~mask) | (cycle.data & mask)


def _whole(memory: CellMemory) -> int:
    return (1 << len(memory.parts)) - 1


def _write(
    memory: CellMemory, read_address: int, at: int, enable: int, random: np.random.Generator
) -> Cycle:
    return Cycle(read_address, at, _word(memory, random), enable)


def _playing(
    memory: CellMemory, play: Play, cycles: int, random: np.random.Generator
) -> Iterator[Cycle]:
    """Cycles of a play, each on another word than the one before.

    Parts that share their data are written one after the other.
    """
    order, _, what = play.partition("_")
    steps = len(memory.parts) if memory.rows.is_shared else 1
    at = 0
    for cycle in range(cycles + 2):
        if cycle % steps == 0 or what == "reads":
            step = int(random.integers(1, memory.words)) if order == "random" else 1
            at = (at + step) % memory.words
        if what == "writes":
            enable = 1 << cycle % steps if memory.rows.is_shared else _whole(memory)
            yield _write(memory, 0, at, enable, random)
        else:
            yield Cycle(at if what == "reads" else 0, memory.words - 1, 0, 0)


def _word(memory: CellMemory, random: np.random.Generator) -> int:
    """Draw a word; parts that share their data repeat it."""
    bits = memory.data_bits
    data = int.from_bytes(random.bytes(-(-bits // 8)), "little") & ((1 << bits) - 1)
    if not memory.rows.is_shared:
        return data
    word, low = 0, 0
    for part in memory.parts:
        word |= (data & ((1 << part) - 1)) << low
        low += part
    return word


def _rows(circuit: TimedCircuit, cycles: Sequence[Cycle]) -> Bits:
    found: NDArray[np.uint8] = np.zeros((len(cycles), len(circuit.ports)), np.uint8)
    pins = [cycle.pins() for cycle in cycles]
    for column, (name, bit, _) in enumerate(circuit.ports):
        found[:, column] = [row.get(name, 0) >> bit & 1 for row in pins]
    return found


__all__ = [
    "PLAYS", "MemoryAtGates", "MemoryGates", "Play", "memory_cells",
]  # fmt: skip
