"""Run a timed circuit: every transition with its delay and its energy, glitches among them.

The engine is one C file, built once for all netlists; the circuit comes to it as arrays.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicbnn.calibration.cell_tables import Floats
from asicbnn.calibration.mapped_netlist import ONE
from asicbnn.calibration.timed_circuit import GATE, TimedCircuit
from asicbnn.errors import SimulationError
from asicbnn.simulation.backends.toolchain.c_compiler import compile_library

Bits = NDArray[np.uint8]

_TICKS_PER_DELAY = 100
"""Resolution: so many ticks in the mean delay of a gate."""
_LONGEST_CYCLE = 1 << 30
_CIRCUIT_SIZES = ("elements", "flops", "domains", "inputs", "observed", "wheel", "longest_ticks")
_CIRCUIT_ARRAYS = (
    "kind", "arity", "output", "arcs", "function", "words", "element_first", "element_net", "ticks",
    "arc_fj", "order", "first_load", "load", "flop_domain", "flop_first", "flop_net", "flop_clock",
    "flop_true", "flop_inverse", "flop_function", "clock_fj", "domain_parent", "domain_first",
    "domain_net", "domain_element", "input_element", "observed_net",
)  # fmt: skip
_STATE_ARRAYS = (
    "value", "held", "due", "next", "before", "heads", "busy", "pending_fj", "stored", "open",
    "toggles", "functional", "swallowed", "edges", "internal_fj", "flop_fj", "touched", "mark",
    "first_value",
)  # fmt: skip
_STATE_NUMBERS = ("pending", "touched_nets", "events", "ticks_max")


class _CircuitStruct(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in (*_CIRCUIT_SIZES, "ordered")),
        *((name, ctypes.c_void_p) for name in _CIRCUIT_ARRAYS),
    ]


class _StateStruct(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in _STATE_ARRAYS),
        *((name, ctypes.c_int64) for name in _STATE_NUMBERS),
    ]


@dataclass(frozen=True, eq=False)
class Counted:
    """What happened in some cycles.

    cycles       that were run
    toggles      of each net, glitches included [nets]
    functional   of each net, as many as without delays: cycles that left it changed [nets]
    element_fj   energy inside the cells, by element
    flop_fj      energy of the clock in each flip-flop, its pin's charge included
    edges        clock edges of each domain
    events       transitions in all; swallowed: pulses shorter than the delay of a gate
    settle_ps    when the last net came to rest after the edge: longest of all cycles
    """

    cycles: int
    toggles: NDArray[np.int64]
    functional: NDArray[np.int64]
    element_fj: Floats
    flop_fj: Floats
    edges: NDArray[np.int64]
    events: int
    swallowed: int
    settle_ps: float

    @property
    def glitch_share(self) -> float:
        """Share of transitions that a network without delays would not make."""
        total = int(self.toggles.sum())
        return 1 - int(self.functional.sum()) / total if total else 0.0


class TimedSimulation:
    """A circuit with a state of its own.

    observed  nets whose values at the end of each cycle are wanted

    Raises EnvironmentProblem without a C compiler.
    """

    def __init__(self, circuit: TimedCircuit, observed: tuple[int, ...] = ()) -> None:
        self.circuit, self.observed = circuit, observed
        self._library = _engine()
        self.tick_ps = _tick_ps(circuit)
        self._arrays = _circuit_arrays(circuit, self.tick_ps)
        self._arrays["observed_net"] = np.array(observed, np.int32)
        wheel = 64
        while wheel <= int(self._arrays["ticks"].max(initial=0)) + 1:
            wheel *= 2
        sizes = {
            "elements": len(self._arrays["kind"]), "flops": len(circuit.flops.instances),
            "domains": len(circuit.network.domains), "inputs": len(circuit.ports),
            "observed": len(observed), "wheel": wheel, "longest_ticks": _LONGEST_CYCLE,
            "ordered": len(circuit.order),
        }  # fmt: skip
        addresses = {name: self._arrays[name].ctypes.data for name in _CIRCUIT_ARRAYS}
        self._circuit = _CircuitStruct(**sizes, **addresses)
        self._state_arrays = _state_arrays(circuit, sizes)
        self._state = _StateStruct(
            **{name: array.ctypes.data for name, array in self._state_arrays.items()}
        )
        self._cycles = 0

    def start(self, inputs: Bits, stored: Bits | None = None) -> None:
        """Take inputs [inputs] and what flip-flops hold [flops] (default: 0), at rest."""
        flops = self._state_arrays["stored"]
        flops[:] = 0 if stored is None else stored
        row = self._rows(np.asarray(inputs)[np.newaxis])
        self._library.settle(
            ctypes.byref(self._circuit), ctypes.byref(self._state), row.ctypes.data
        )
        self.forget()

    def run(self, inputs: Bits) -> Bits:
        """Run a cycle per row of inputs [cycles, inputs]; returns [cycles, observed].

        A cycle begins with the clock's edge; its row is what the inputs change to after it.

        Raises SimulationError if a cycle does not come to rest.
        """
        rows = self._rows(inputs)
        seen = np.zeros((len(rows), len(self.observed)), np.uint8)
        ran = self._library.run(
            ctypes.byref(self._circuit), ctypes.byref(self._state), len(rows), rows.ctypes.data,
            seen.ctypes.data,
        )  # fmt: skip
        if ran < len(rows):
            raise SimulationError(
                f"{self.circuit.netlist.top} does not come to rest in cycle {self._cycles + ran}"
            )
        self._cycles += ran
        return seen

    def _rows(self, inputs: Bits) -> Bits:
        rows = np.ascontiguousarray(inputs, np.uint8)
        if rows.ndim != 2 or rows.shape[1] != len(self.circuit.ports):
            raise SimulationError(
                f"expected a row of {len(self.circuit.ports)} inputs per cycle, "
                f"got an array of shape {rows.shape}"
            )
        return rows

    def forget(self) -> None:
        """Count from here on."""
        for name in ("toggles", "functional", "swallowed", "edges", "internal_fj", "flop_fj"):
            self._state_arrays[name][:] = 0
        for name in ("events", "ticks_max"):
            setattr(self._state, name, 0)
        self._cycles = 0

    @property
    def values(self) -> Bits:
        """Value of each net now [nets]."""
        return self._state_arrays["value"].copy()

    def counted(self) -> Counted:
        """What has happened since the start or since `forget`."""
        found = self._state_arrays
        cycles, state = self._cycles, self._state
        return Counted(
            cycles, found["toggles"].astype(np.int64), found["functional"].astype(np.int64),
            found["internal_fj"].copy(), found["flop_fj"].copy(),
            found["edges"].astype(np.int64), state.events, int(found["swallowed"].sum()),
            state.ticks_max * self.tick_ps,
        )  # fmt: skip


@cache
def _engine() -> ctypes.CDLL:
    text = (resources.files(__package__) / "timed_simulation.c").read_text("ascii")
    library = compile_library((text,))
    library.settle.argtypes = [ctypes.c_void_p] * 3
    library.settle.restype = None
    library.run.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64,
                            ctypes.c_void_p, ctypes.c_void_p]  # fmt: skip
    library.run.restype = ctypes.c_int64
    return library


def _tick_ps(circuit: TimedCircuit) -> float:
    delays = [g.delays_ps[g.delays_ps > 0] for g in circuit.groups if g.kind == GATE]
    positive = np.concatenate([*delays, np.zeros(0)])
    return float(positive.mean()) / _TICKS_PER_DELAY if len(positive) else 1.0


def _circuit_arrays(circuit: TimedCircuit, tick_ps: float) -> dict[str, NDArray[Any]]:
    groups, flops, domains = circuit.groups, circuit.flops, circuit.network.domains
    sizes = [len(group.instances) for group in groups]
    inputs = [group.inputs.shape[1] for group in groups]
    arcs = [group.delays_ps.shape[1] for group in groups]
    words = np.cumsum([0, *(len(group.words) for group in groups)])

    def each(values: Any) -> NDArray[Any]:
        return np.repeat(np.asarray(values), sizes)

    net = _flat([group.inputs for group in groups]).astype(np.int32)
    first = np.concatenate([[0], np.cumsum(each(inputs))])
    delays = _flat([group.delays_ps for group in groups])
    first_load, load = _loads(circuit, net, first)
    enables = [domain.enables for domain in domains]
    integers = {
        "output": _flat([group.output for group in groups]),
        "arcs": np.concatenate([[0], np.cumsum(each(arcs))[:-1]]),
        "function": each(words[:-1]), "element_first": first, "element_net": net,
        "ticks": np.maximum(np.rint(delays / tick_ps), 1), "order": circuit.order,
        "first_load": first_load, "load": load,
        "flop_domain": flops.domain, "flop_first": flops.first, "flop_net": flops.inputs,
        "flop_clock": flops.clock_at, "flop_true": flops.outputs[:, 0],
        "flop_inverse": flops.outputs[:, 1],
        "domain_parent": [domain.parent for domain in domains],
        "domain_first": np.cumsum([0, *map(len, enables)]), "domain_net": sum(enables, ()),
        "domain_element": _latch_clocks(circuit),
        "input_element": circuit.input_elements,
    }  # fmt: skip
    return {
        **{name: np.ascontiguousarray(array, np.int32) for name, array in integers.items()},
        "kind": each([group.kind for group in groups]).astype(np.uint8),
        "arity": each(inputs).astype(np.uint8),
        "words": _flat([group.words for group in groups]).astype(np.uint64),
        "arc_fj": _flat([group.energies_fj for group in groups]).astype(np.float32),
        "flop_function": flops.next_state.astype(np.uint64),
        "clock_fj": flops.clock_fj.astype(np.float32),
    }


def _latch_clocks(circuit: TimedCircuit) -> NDArray[Any]:
    """Element of the net by which each domain opens latches, -1 for none."""
    found = np.full(len(circuit.network.domains), -1)
    found[list(circuit.network.latches)] = circuit.latch_elements
    return found


def _flat(arrays: list[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate([array.ravel() for array in arrays])


def _loads(
    circuit: TimedCircuit, net: NDArray[np.int32], first: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Which inputs of which elements read each net: where they begin [nets + 1], and they."""
    counts = np.diff(first)
    element = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(net)) - np.repeat(first[:-1], counts)
    by_net = np.argsort(net, kind="stable")
    per_net = np.bincount(net, minlength=circuit.netlist.nets)
    return np.concatenate([[0], np.cumsum(per_net)]), (element * 16 + place)[by_net]


def _state_arrays(circuit: TimedCircuit, sizes: dict[str, int]) -> dict[str, NDArray[Any]]:
    nets, elements = circuit.netlist.nets, sizes["elements"]
    made: dict[str, NDArray[Any]] = {
        "value": np.zeros(nets, np.uint8), "held": np.zeros(elements, np.uint16),
        "due": np.full(elements, -1, np.int32), "next": np.zeros(elements, np.int32),
        "before": np.zeros(elements, np.int32), "heads": np.full(sizes["wheel"], -1, np.int32),
        "busy": np.zeros(sizes["wheel"] // 64, np.uint64),
        "pending_fj": np.zeros(elements, np.float32),
        "stored": np.zeros(sizes["flops"], np.uint8), "open": np.zeros(sizes["domains"], np.uint8),
        "toggles": np.zeros(nets, np.uint32), "functional": np.zeros(nets, np.uint32),
        "swallowed": np.zeros(elements, np.uint32), "edges": np.zeros(sizes["domains"], np.uint32),
        "internal_fj": np.zeros(elements), "flop_fj": np.zeros(sizes["flops"]),
        "touched": np.zeros(nets, np.int32), "mark": np.zeros(nets, np.uint8),
        "first_value": np.zeros(nets, np.uint8),
    }  # fmt: skip
    made["value"][ONE] = 1
    return made


__all__ = ["Counted", "TimedSimulation"]
