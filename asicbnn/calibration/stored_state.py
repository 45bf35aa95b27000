"""The flip-flops of a mapped netlist that hold the registers it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from asicbnn.calibration.mapped_netlist import MappedNetlist
from asicbnn.calibration.sequential_cells import Flop
from asicbnn.calibration.timed_circuit import TimedCircuit
from asicbnn.calibration.timed_simulation import Bits


@dataclass(frozen=True)
class StoredBits:
    """Bits of registers and the flip-flops that hold them.

    places  (register, bit, flip-flop, whether it holds the inverse)
    flops   how many flip-flops there are
    """

    places: tuple[tuple[str, int, int, bool], ...]
    flops: int

    @property
    def unknown(self) -> int:
        """Flip-flops no register was found for."""
        return self.flops - len({flop for _, _, flop, _ in self.places})

    def of(self, registers: Mapping[str, int]) -> Bits:
        """Return what the flip-flops hold when the registers have these values."""
        stored = np.zeros(self.flops, np.uint8)
        for name, bit, flop, is_inverse in self.places:
            stored[flop] = (registers[name] >> bit & 1) ^ is_inverse
        return stored


def stored_bits(
    netlist: MappedNetlist, circuit: TimedCircuit, registers: Mapping[tuple[str, int], int]
) -> StoredBits:
    """Find the flip-flop of every bit of a register, through inverters behind it.

    registers  (register, bit) -> net that shows it
    """
    number = {index: i for i, index in enumerate(circuit.flops.instances.tolist())}
    places = []
    for (register, bit), net in registers.items():
        if (found := _flop_behind(netlist, circuit, net)) is not None:
            index, is_inverse = found
            places.append((register, bit, number[index], is_inverse))
    return StoredBits(tuple(places), len(number))


def _flop_behind(
    netlist: MappedNetlist, circuit: TimedCircuit, net: int
) -> tuple[int, bool] | None:
    """Flip-flop whose state a net shows, and whether it shows the inverse."""
    cells, is_inverse = circuit.annotation.cells, False
    while (driver := netlist.driver.get(net)) is not None:
        index, pin = driver
        instance = netlist.instances[index]
        found = cells.sequential(instance.cell)
        if isinstance(found, Flop):
            return index, is_inverse ^ found.is_inverse(found.cell.pins[pin])
        gates = cells.gates(instance.cell)
        if len(gates) != 1 or len(gates[0].inputs) != 1:
            return None
        is_inverse ^= bool(gates[0].values[0])
        net = instance.inputs[gates[0].inputs[0]]
    return None
