"""Comparisons with constants, which synthesis makes one decoder of.

The census gives every equality an XOR per bit and a tree. Those that compare one wire with many
constants (which slice, which PE, which position) share all of it but a last AND: a data mover of
64 words per row would otherwise be counted at four times its mapped area.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from pyrtl import Const

from asicbnn.hardware.component import Gates, census
from asicbnn.hardware.structure import COMPONENTS, logic_machine, structure
from asicbnn.spec.accelerator import Accelerator


@lru_cache(maxsize=256)
def decoded_gates(accelerator: Accelerator) -> Mapping[str, Gates]:
    """Return the gates of each component with every comparison with a constant as one AND.

    The block is built for it.
    """
    machine, gates = logic_machine(accelerator), structure(accelerator).gates
    decoded = {}
    for name in COMPONENTS:
        compared = [
            net
            for net in machine.stages[name]
            if net.op == "=" and any(isinstance(wire, Const) for wire in net.args)
        ]
        simpler = Gates(gates[name])
        simpler.subtract(census(compared))
        simpler.update({"and2": len(compared)})
        decoded[name] = Gates(+simpler)
    return MappingProxyType(decoded)
