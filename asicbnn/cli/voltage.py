"""The verb that shows a network over the supply voltage."""

from __future__ import annotations

from typing import Annotated

import typer

from asicbnn.cli import terminal
from asicbnn.cli.options import (
    AcceleratorFile,
    Batch,
    Json,
    Least,
    Objective,
    Order,
    WorkloadFile,
    examples,
    read_accelerator,
    read_workload,
)


@terminal.verb
def voltage(
    accelerator: AcceleratorFile,
    workload: WorkloadFile,
    steps: Annotated[int, typer.Option(min=2, max=1000, help="voltages from end to end")] = 12,
    dataflow: Order = None,
    batch: Batch = 1,
    objective: Least = Objective.energy,
    as_json: Json = False,
) -> None:
    """Show clock, energy and power over the supply voltage, and the voltage of least energy.

    From the lowest voltage at which all parts of the accelerator are known to the highest.
    """
    from asicbnn.model.voltage import voltage_curve
    from asicbnn.report.voltage import voltage_table

    curve = voltage_curve(
        read_accelerator(accelerator), read_workload(workload), steps=steps, batch=batch,
        dataflow=dataflow and dataflow.value, objective=objective.value,
    )  # fmt: skip
    if as_json:
        terminal.print_json(terminal.envelope("voltage", **curve.to_json()))
    else:
        terminal.show(voltage_table(curve))


def register(app: typer.Typer) -> None:
    """Add this verb to the command line."""
    app.command(
        short_help="clock, energy, power over the supply voltage; the least energy",
        epilog=examples(
            "voltage arch_specs/ihp_latch.yaml workloads/digits_mlp_64_256_256_10.yaml",
            "voltage arch_specs/tiny.yaml workloads/digits_mlp_64_256_256_10.yaml --json",
        ),
    )(voltage)
