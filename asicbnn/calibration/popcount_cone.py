"""Which gates of the array count products, and which sum up what was counted.

The two switch for different reasons: products and counters glitch the more the deeper and wider
they are, sums hardly. Mapping leaves no names inside, so the gates are told by what they drive:
whatever reaches the registers behind the popcount counts, these registers included.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from asicbnn.calibration.mapped_netlist import MappedNetlist
from asicbnn.hardware.accelerator import Machine

_COUNTING = frozenset({("array", "popcount register"), ("array", "products and popcount")})
"""Parts of the hardware whose registers hold counts."""


def counting_registers(machine: Machine) -> frozenset[str]:
    """Return the registers behind the popcount and inside it."""
    return frozenset(
        net.dests[0].name for part in _COUNTING for net in machine.parts.get(part, ())
        if net.op == "r"
    )  # fmt: skip


def cone(
    netlist: MappedNetlist, starts: Iterable[int], ends: Collection[int], component: str
) -> frozenset[int]:
    """Return instances of a component from which others are reached through gates alone.

    starts  those that are reached, themselves among what is returned
    ends    what holds a state: it is no gate, and nothing is looked for behind it
    """
    found = set(starts)
    waiting = list(found)
    while waiting:
        for net in netlist.instances[waiting.pop()].inputs.values():
            driver = netlist.driver.get(net)
            if driver is None or driver[0] in found or driver[0] in ends:
                continue
            if netlist.instances[driver[0]].scope[:1] == (component,):
                found.add(driver[0])
                waiting.append(driver[0])
    return frozenset(found)


__all__ = ["cone", "counting_registers"]
