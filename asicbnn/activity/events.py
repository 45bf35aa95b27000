"""What each activity goes by: its cells, its events, and what one transition costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from asicbnn.hardware.accelerator import Machine
from asicbnn.hardware.gating import hold_multiplexers
from asicbnn.hardware.switching import Switching, product_gates, switching
from asicbnn.mapping.layout import Layout
from asicbnn.model.area import component_cells
from asicbnn.model.control import ACTIVITIES, CONTROL, control_outputs
from asicbnn.spec.accelerator import Accelerator
from asicbnn.technology.library import Technology
from asicbnn.technology.popcount import popcount_energy


def groups_of(machine: Machine) -> dict[str, tuple[Switching, ...]]:
    """Cells by the name of their activity; then those of the array the model does not price."""
    held = hold_multiplexers(tuple(machine.block.logic), machine.gated)  # not built: clock gates
    parts = {
        key: switching(net for net in nets if net not in held)
        for key, nets in machine.parts.items()
    }

    def of(component: str, part: str, *, flops: bool | None = None) -> tuple[Switching, ...]:
        cells = parts.get((component, part), ())
        return tuple(x for x in cells if flops is None or (x.role == "flop") is flops)

    products = product_gates(
        machine.parts["array", "products and popcount"], machine.parts["array", "popcount register"]
    )
    names = ("sequencer", "output", "dma", "controller")
    return {
        "xnor": products.xnor,
        "mask": products.mask,
        "popcount": products.popcount,
        "popcount_register": of("array", "popcount register", flops=True),
        "accumulate": of("array", "accumulate"),
        "compare": of("array", "compare"),
        "weight_register": of("registers", "weight register", flops=True),
        "input_register": of("registers", "input register", flops=True),
        "psum_register": of("array", "psum register", flops=True),
        "threshold_register": of("array", "threshold register", flops=True),
        "operand_loads": of("registers", "control"),
        **{name: of(name, "") for name in names},
        "masks of lanes": (*products.masks, *of("array", "lane masks")),
        "padded taps": of("array", "padded taps"),
        "delays of the array": of("array", "control"),
    }


def events_of(
    accelerator: Accelerator,
    lay: Layout,
    counts: Mapping[str, int],
    groups: Mapping[str, tuple[Switching, ...]],
) -> dict[str, float]:
    """Outputs times events of each activity: what transitions are divided by."""

    def outputs(name: str) -> int:
        return sum(x.outputs for x in groups[name])

    gates = lay.pes * lay.lanes
    pe_steps = counts["active_pe_steps"] / lay.pes
    copies = 2 if accelerator.registers.shadow else 1
    return {
        "xnor": outputs("xnor") * counts["steps"],
        "mask": counts["active_lane_steps"],
        "popcount": outputs("popcount") * counts["active_lane_steps"] / gates,
        "popcount_register": outputs("popcount_register") * pe_steps,
        "accumulate": outputs("accumulate") * pe_steps,
        "compare": outputs("compare") * pe_steps,
        "weight_register": copies * lay.weight_port_bits * counts["weight_buffer_reads"],
        "input_register": copies * lay.input_port_bits * counts["input_buffer_reads"],
        "psum_register": copies * lay.psum_word_bits / lay.psum_slots * counts["psum_buffer_reads"],
        "threshold_register": lay.threshold_word_bits * counts["threshold_buffer_reads"],
        **_control_events(accelerator, counts),
    }


def _control_events(accelerator: Accelerator, counts: Mapping[str, int]) -> dict[str, float]:
    """Outputs times events of each activity of control."""
    reached = control_outputs(accelerator, component_cells(accelerator))
    found = dict.fromkeys(ACTIVITIES, 0.0)
    for key, each in CONTROL.items():
        found[each.activity] += reached[key] * counts[each.event]
    return found


def prices_of(
    technology: Technology, accelerator: Accelerator, lay: Layout
) -> Callable[[str, Switching], float]:
    """Energy of one transition of a cell of a group [fJ], with the load the model gives it."""
    flop, hold = technology.cell("flop"), technology.cell("mux2")
    held = flop.internal_energy_fj + technology.pin_energy_fj("flop")
    if accelerator.clock_gating != "register":  # a multiplexer holds the value
        held += hold.internal_energy_fj + technology.pin_energy_fj("mux2")
    counted = popcount_energy(technology, accelerator.array.popcount.structure, lay.lanes)
    half, gates = 0.5, lay.pes * lay.lanes
    pin = counted.input_pin_fj / half  # of one XNOR input that changes
    bits = {
        "weight_register": lay.weight_port_bits * lay.weight_slots,
        "input_register": lay.input_port_bits * lay.input_slots(max(accelerator.array.strides)),
    }
    loads = {name: held + pin * gates / n for name, n in bits.items()}
    loads["psum_register"] = held + technology.pin_energy_fj("and2")
    loads["threshold_register"] = held
    behind = {"xnor": "full_adder", "mask": "and2", "popcount": "full_adder"}

    def price(name: str, cells: Switching) -> float:
        if name in loads:
            return loads[name]
        if name in behind:
            internal = technology.cell(cells.role).internal_energy_fj
            return internal + technology.pin_energy_fj(behind[name])
        return technology.cell(cells.role).toggle_energy_fj

    return price


__all__ = ["events_of", "groups_of", "prices_of"]
