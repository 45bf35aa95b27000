"""The gates back end with a counter per gate: how often its output changes, over all stimuli.

What is the same for all stimuli is not made of gates here; the compiled back end counts it once.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicbnn.simulation.backends.gate_level.gate_layout import Tally
from asicbnn.simulation.backends.gate_level.gate_netlist import GATE_KINDS
from asicbnn.simulation.backends.gate_level.gate_source import Options
from asicbnn.simulation.backends.gate_level.gates import GatesBackend, gate_options
from asicbnn.simulation.backends.state_layout import LIMB_BITS


@dataclass(frozen=True, eq=False)
class GateToggles:
    """Toggles of single gates.

    kinds   kind of each gate, as the census names it
    counts  how often its output changed from one cycle to the next, summed over the stimuli
    """

    kinds: tuple[str, ...]
    counts: NDArray[np.int64]


class TogglingGates(GatesBackend):
    """A bit-sliced simulator that evaluates every gate of the census and counts its toggles.

    A toggle is a value that differs from the one a cycle before; a reset is none.
    """

    name = "gates"

    def __init__(
        self,
        block: Any,
        note: str = "",
        *,
        entering: Collection[str] | None = None,
        shared: Collection[str] | None = None,
        options: Options | None = None,
    ) -> None:
        options = replace(
            options or gate_options(), folds_constants=False, drops_dead=False, counts_toggles=True
        )
        self._used = options.lanes
        super().__init__(block, note, entering=entering, shared=shared, options=options)

    def gate_toggles(self) -> GateToggles:
        """Counts since the last `forget_toggles`, per gate; resets do not clear them."""
        counts, kinds = self._counts(), self._netlist.kinds
        gates = [signal for signal, kind in enumerate(kinds) if kind in GATE_KINDS]
        return GateToggles(tuple(kinds[gate] for gate in gates), counts[gates])

    def toggle_counts(self) -> dict[str, int]:
        """Toggles of each wire that differs between stimuli, summed over bits and stimuli."""
        counts, netlist = self._counts(), self._netlist
        uniform = {
            first
            for first, wire in netlist.sources.items()
            if wire.name not in self._private.registers
        }
        return {
            wire.name: int(counts[list(bits)].sum())
            for wire, bits in netlist.bits.items()
            if not uniform.intersection(netlist.origins[bit] for bit in bits)
        }

    def forget_toggles(self) -> None:
        """Start counting again."""
        self._counters()[:] = 0
        self._prime()

    def use_stimuli(self, count: int) -> None:
        """Count the toggles of the first stimuli only."""
        super().use_stimuli(count)
        self._used = count
        self._prime()

    def reset(self, *, keep_memories: bool = False) -> None:
        kept = self._counters().copy() if hasattr(self, "_state") else None
        super().reset(keep_memories=keep_memories)
        if kept is not None:
            self._counters()[:] = kept
        self._prime()

    def _allocate(self) -> None:
        super()._allocate()
        self.forget_toggles()

    @property
    def _tally(self) -> Tally:
        tally = self._private.tally
        assert tally is not None
        return tally

    def _counters(self) -> NDArray[np.uint64]:
        first = self._tally.count
        return self._state.words_read[first : first + self._tally.signals]

    def _counts(self) -> NDArray[np.int64]:
        return self._counters().astype(np.int64)

    def _prime(self) -> None:
        """Let the next cycle be the first: it has none to differ from."""
        stimuli = np.arange(self.stimuli) < self._used
        masks = np.packbits(stimuli, bitorder="little").view(np.uint64)
        active = self._tally.active
        self._state.vectors[active] = 0
        self._state.vectors[active + 1] = masks.reshape(self.stimuli // LIMB_BITS)
