"""A run of a network replayed on the gates of its accelerator, in windows of some cycles.

The components are mapped apart and joined (`assembly.py`). Memories stay behavioural: what they
give, and whatever else enters the logic, is taken from the cycle-exact simulation and played back;
all flip-flops start as the registers of that simulation are. What leaves the logic, and every
register, must be what it is there in every cycle, or the netlist is another machine.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from asicbnn.calibration.assembly import Component, assembled
from asicbnn.calibration.mapped_netlist import ONE, ZERO, MappedNetlist
from asicbnn.calibration.stored_state import stored_bits
from asicbnn.calibration.synthesis import Flow, Form
from asicbnn.calibration.timed_circuit import TimedCircuit
from asicbnn.calibration.timed_simulation import Bits, Counted, TimedSimulation
from asicbnn.errors import SimulationError
from asicbnn.hardware.accelerator import Machine
from asicbnn.hardware.cutting import boundary, cut, shown_bits
from asicbnn.hardware.structure import COMPONENTS
from asicbnn.hardware.verilog import VerilogBlock, write_verilog
from asicbnn.hardware.verilog.accelerator import reset_registers
from asicbnn.simulation.trace import Trace

_RESET = "reset"
_BOOT = re.compile(r"start$|boot_")


@dataclass(frozen=True, eq=False)
class Gates:
    """Components of an accelerator as one netlist of gates.

    netlist    its inputs and outputs are named by wires of the accelerator
    registers  (register, bit) of the accelerator -> net; bits that synthesis did away with are
               not in it
    """

    netlist: MappedNetlist
    registers: Mapping[tuple[str, int], int]

    @property
    def wires(self) -> tuple[str, ...]:
        """Wires a trace must have: what enters, what leaves, and the registers."""
        registers = (name for name, _ in self.registers)
        names = dict.fromkeys((*self.netlist.inputs, *self.netlist.outputs, *registers))
        return tuple(name for name in names if name not in ("clock", _RESET))


def gates_of(
    flow: Flow, machine: Machine, form: Form, components: Collection[str] = COMPONENTS
) -> Gates:
    """Map components of an accelerator, each apart, and join them.

    Raises what `Flow.netlist` raises.
    """
    machine = _with_boot_outside(machine)
    parts: dict[str, Component] = {}
    places: dict[tuple[str, int], tuple[str, int]] = {}
    reset = reset_registers(machine)
    for name in components:
        own = tuple(part for part in machine.parts if part[0] == name)
        block, gated = cut(machine, *own)
        written = write_verilog(block, gated=gated, reset=reset)
        entering, leaving = boundary(machine, *own)
        parts[name] = Component(
            flow.netlist(written, form),
            {pin: wire.name for pin, wire in entering.items()},
            {pin: wire.name for pin, wire in leaving.items()},
        )
        places |= _places(name, written, shown_bits(machine, leaving.values()))
    netlist = assembled(machine.accelerator.name, parts)
    known = {**netlist.wires, **netlist.outputs}
    registers = {
        register: known[wire][bit] for register, (wire, bit) in places.items() if wire in known
    }
    return Gates(netlist, {key: net for key, net in registers.items() if _is_driven(netlist, net)})


def _is_driven(netlist: MappedNetlist, net: int) -> bool:
    """False for a bit nobody reads: its name is kept where nothing drives it any more."""
    return net in netlist.driver or net in (ZERO, ONE)


def _with_boot_outside(machine: Machine) -> Machine:
    """Leave registers out that whoever boots the machine sets: without ports nothing else does."""
    inside = {
        part: [net for net in nets if net.op != "r" or not _BOOT.match(net.dests[0].name)]
        for part, nets in machine.parts.items()
    }
    return replace(machine, parts=inside)


def _places(
    component: str, written: VerilogBlock, shown: Mapping[tuple[str, int], tuple[str, int]]
) -> dict[tuple[str, int], tuple[str, int]]:
    """Wire and bit that show each bit of each register, variables inside before outputs."""
    places = {}
    for register, variables in written.pieces.items():
        inside = ((f"{component}.{name}", bit) for name, bits in variables for bit in range(bits))
        for bit, place in enumerate(inside):
            places[register, bit] = shown.get((register, bit), place)
    return places


class Replay:
    """Gates with delays and energies, on which traces are played.

    circuit  as it is simulated
    """

    def __init__(self, gates: Gates, circuit: TimedCircuit) -> None:
        self.gates, self.circuit = gates, circuit
        netlist = gates.netlist
        self._seen: dict[str, list[tuple[int, int]]] = {}  # wire -> its bits, and their nets
        for wire, nets in netlist.outputs.items():
            self._seen[wire] = list(enumerate(nets))
        for (register, bit), net in gates.registers.items():
            if register not in netlist.outputs:
                self._seen.setdefault(register, []).append((bit, net))
        observed = tuple(net for bits in self._seen.values() for _, net in bits)
        self._simulation = TimedSimulation(circuit, observed)
        self._stored = stored_bits(netlist, circuit, gates.registers)

    @property
    def flops(self) -> frozenset[int]:
        """Instances that hold a state."""
        return frozenset(self.circuit.flops.instances.tolist())

    def holding(self, registers: Collection[str]) -> frozenset[int]:
        """Return the flip-flops that hold any of some registers, by index of their instance."""
        instances = self.circuit.flops.instances.tolist()
        return frozenset(
            instances[flop] for name, _, flop, _ in self._stored.places if name in registers
        )

    def play(self, trace: Trace) -> Counted:
        """Play a trace; its first cycle is where the gates start, and is not counted.

        Raises SimulationError if a register or what leaves the gates is not what the trace says.
        """
        rows = self._rows(trace)
        self._simulation.start(rows[0], self._stored.of(trace.registers))
        given = self._simulation.run(rows[1:])
        self._check(trace, given)
        return self._simulation.counted()

    def _rows(self, trace: Trace) -> Bits:
        """Values of all inputs [cycles, ports]; reset stays 0."""
        cycles = len(next(iter(trace.wires.values())))
        names = dict.fromkeys(name for name, _, _ in self.circuit.ports)
        columns = [
            np.zeros((cycles, 1), np.uint8) if name == _RESET
            else bits_of(trace.wires[name], len(self.gates.netlist.inputs[name]))
            for name in names
        ]  # fmt: skip
        return np.concatenate([*columns, np.zeros((cycles, 0), np.uint8)], axis=1)

    def _check(self, trace: Trace, given: Bits) -> None:
        first = 0
        for wire, places in self._seen.items():
            bits = [bit for bit, _ in places]
            found = given[:, first : first + len(bits)]
            first += len(bits)
            wanted = bits_of(trace.wires[wire], max(bits) + 1)[1:, bits]
            if not np.array_equal(found, wanted):
                [cycle, place] = np.argwhere(found != wanted)[0].tolist()
                raise SimulationError(
                    f"the gates of {self.gates.netlist.top} give another value than the hardware "
                    f"on wire {wire}, bit {bits[place]}, {cycle + 1} cycles after they started"
                )


def bits_of(numbers: Sequence[int], bits: int) -> NDArray[np.uint8]:
    """Bits of numbers, lowest first [numbers, bits]."""
    octets, mask = -(-bits // 8), (1 << bits) - 1
    data = b"".join((number & mask).to_bytes(octets, "little") for number in numbers)
    found = np.frombuffer(data, np.uint8).reshape(len(numbers), octets)
    return np.unpackbits(found, axis=1, count=bits, bitorder="little")


__all__ = ["Gates", "Replay", "gates_of"]
