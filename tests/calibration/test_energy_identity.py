"""Toggles times what each costs, net by net, are the model's cells times their activity.

One side walks over the nets of the machine that ran and prices every wire's toggles by the cell
that drives it; nothing of the model is asked but what one cell takes. The other side is the model's
accounting: the cells it counts of a component, each kind at its activity in the run.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from simulation.machines import needs_compiler

from asicbnn.hardware.accelerator import Machine
from asicbnn.hardware.declarations import declarations
from asicbnn.hardware.gating import hold_multiplexers
from asicbnn.hardware.structure import COMPONENTS, logic_gates
from asicbnn.simulate import execute, prepare
from asicbnn.simulation.backends.word_level.sampling import Sampling
from asicbnn.simulation.execution import CYCLE_LIMIT
from asicbnn.spec import load
from asicbnn.spec.accelerator import with_changes
from asicbnn.technology import library
from asicbnn.technology.cells import OUTPUTS, Cells

NETWORK = "workloads/digits_mlp_64_256_256_10.yaml"
BITWISE = {"&": "and2", "|": "or2", "^": "xor2", "~": "inverter", "n": "nand2", "x": "mux2",
           "r": "flop"}  # fmt: skip


@dataclass
class Spent:
    """Transitions of the outputs of each kind of cell, and the energy of all of them [fJ]."""

    transitions: Counter[str] = field(default_factory=Counter)
    outputs: Counter[str] = field(default_factory=Counter)
    energy_fj: float = 0.0

    def add(self, role, outputs, transitions, technology):
        self.outputs[role] += outputs
        self.transitions[role] += transitions
        self.energy_fj += transitions * technology.cell(role).toggle_energy_fj


def net_by_net(machine: Machine, toggles, technology) -> dict[str, Spent]:
    """Price every wire by the cell that drives it, component by component."""
    held = hold_multiplexers(tuple(machine.block.logic), machine.gated)
    adder_of = {}  # the wire of a sum or carry -> its adder; what is inside an adder -> None
    for adder in declarations(machine.block).adders:
        adder_of |= {wire.name: adder for wire in (adder.total, adder.carry)}
        adder_of |= {wire.name: None for wire in adder.inner}
    agreeing = xnors(machine)
    spent = {}
    for (component, _), nets in machine.parts.items():
        found = spent.setdefault(component, Spent())
        for net in nets:
            if net in held or net.op in "wscm@":
                continue
            [dest] = net.dests
            if (adder := adder_of.get(dest.name, net)) is not net:
                role = adder.kind if adder is not None else ""
            elif dest.name in agreeing:
                role = agreeing[dest.name]
            else:
                role = BITWISE.get(net.op, net.op)
            if role in BITWISE.values() or role in ("full_adder", "half_adder", "xnor2"):
                found.add(role, len(dest), toggles.get(dest.name, 0), technology)
            elif role:
                word_operation(net, toggles, found, technology)
    return spent


def xnors(machine):
    """Wires of ~(x ^ w) in the products: the inverter is the XNOR's output, the XOR inside it."""
    nets = machine.parts["array", "products and popcount"]
    driver = {net.dests[0].name: net for net in nets}
    found = {}
    for net in nets:
        source = driver.get(net.args[0].name)
        if net.op == "~" and source is not None and source.op == "^":
            found |= {net.dests[0].name: "xnor2", source.dests[0].name: ""}
    return found


def word_operation(net, toggles, found, technology):
    """A row of adders, subtractors or comparing gates; all switch like the wires that are seen."""
    seen = net.dests if net.op in "+-" else net.args
    bits = sum(len(wire) for wire in seen)
    rate = sum(toggles.get(wire.name, 0) for wire in seen) / bits
    width = len(net.args[0])
    rows = {
        "+": {"half_adder": 1, "full_adder": width - 1},
        "-": {"full_adder": width, "inverter": width},
        "<": {"full_adder": width, "inverter": width},
        ">": {"full_adder": width, "inverter": width},
        "=": {"xor2": width, "or2": width - 1, "inverter": 1},
    }
    for role, cells in rows[net.op].items():
        outputs = cells * OUTPUTS[role]
        found.add(role, outputs, rate * outputs, technology)


def accounted_fj(component, spent, accelerator, technology):
    """The model's accounting: its cells of a component, each kind at its activity."""
    cells = logic_gates(accelerator)[component]
    return sum(
        technology.switching_energy_fj(Cells(**{role: count}), spent.transitions[role]
                                       / spent.outputs[role])
        for role, count in cells.items() if spent.outputs[role]
    )  # fmt: skip


def run(accelerator, network):
    setup = prepare(
        accelerator, network, images=2, batch=1, mapping=None, dataflow=None, seed=0,
        backend="auto", sampling=Sampling(65, 650),
    )  # fmt: skip
    execute(accelerator, network, setup, jobs=1, cycle_limit=CYCLE_LIMIT, progress=None)
    return setup.machine, setup.backend.toggles().wires


@needs_compiler
@pytest.mark.parametrize("changes", [
    {},
    pytest.param({"clock_gating": "register", "array.popcount.structure": "tree"},
                 marks=pytest.mark.slow),
])  # fmt: skip
def test_nets_of_a_run_on_real_images_take_what_the_model_accounts_for(changes):
    accelerator = with_changes(load("arch_specs/tiny.yaml"), changes)
    technology = library.load(accelerator.technology)
    machine, toggles = run(accelerator, load(NETWORK))
    spent = net_by_net(machine, toggles, technology)
    for component in COMPONENTS:
        accounted = accounted_fj(component, spent[component], accelerator, technology)
        assert accounted == pytest.approx(spent[component].energy_fj, rel=0.01), component
        assert accounted > 0
