"""The verbs about one accelerator and one network: estimate, simulate, verify, compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from asicbnn.cli import terminal
from asicbnn.cli.options import (
    AcceleratorFile,
    ActivityTarget,
    AtLevel,
    Backend,
    Batch,
    CycleLimit,
    Cycles,
    Dataflow,
    Engine,
    Exhaustive,
    Folder,
    Images,
    Jobs,
    Json,
    Least,
    Measured,
    Nest,
    Nets,
    Objective,
    Order,
    Sample,
    Seed,
    Together,
    Toggling,
    Waveform,
    WorkloadFile,
    examples,
    given,
    limited,
    read_accelerator,
    read_mapping,
    read_window,
    read_workload,
    refuse,
)

if TYPE_CHECKING:
    from asicbnn.verify import Verification

_DIGITS = "arch_specs/tiny.yaml workloads/digits_mlp_64_256_256_10.yaml"
_BINARYNET = "arch_specs/edge64.yaml workloads/binarynet_cifar10.yaml"


@terminal.verb
def estimate(
    context: typer.Context,
    accelerator: AcceleratorFile,
    workload: WorkloadFile,
    dataflow: Order = None,
    mapping: Nest = None,
    batch: Batch = 1,
    objective: Least = Objective.energy,
    exhaustive: Exhaustive = False,
    activity: Measured = None,
    level: AtLevel = None,
    as_json: Json = False,
) -> None:
    """Estimate cycles, accesses, energy, power and area with the model."""
    from asicbnn.model import estimate as model
    from asicbnn.report import results
    from asicbnn.report.wire_table import wires

    machine = read_accelerator(accelerator)
    result = model.estimate(
        machine, read_workload(workload), mapping=read_mapping(mapping),
        dataflow=dataflow and dataflow.value, batch=batch, objective=objective.value,
        exhaustive=exhaustive, activity=activity, level=level.value if level else None,
    )  # fmt: skip
    if as_json:
        terminal.print_json(result.to_json("estimate"))
    else:
        terminal.show(results.result_tables(result))
        if (lengths := wires(result)) is not None:
            terminal.show("", lengths)
    order = dataflow.value if dataflow else machine.dataflow
    if given(context, "objective") and order != Dataflow.best:
        terminal.complain(
            f"note: --objective chooses the mappings of dataflow best; this one is {order}"
        )


@terminal.verb
def simulate(
    context: typer.Context,
    accelerator: AcceleratorFile,
    workload: WorkloadFile,
    images: Images = 1,
    batch: Together = 1,
    dataflow: Order = None,
    mapping: Nest = None,
    seed: Seed = 0,
    backend: Engine = Backend.auto,
    jobs: Jobs = None,
    cycle_limit: CycleLimit = None,
    vcd: Waveform = None,
    cycles: Cycles = None,
    nets: Nets = False,
    activity: Toggling = False,
    sample: Sample = 40,
    save_activity: ActivityTarget = None,
    as_json: Json = False,
) -> None:
    """Run the network on the generated hardware, which counts its own cycles and accesses.

    Counts are the hardware's; energy is these counts at the model's prices.
    """
    if activity or save_activity:
        if strange := given(context, "vcd", "cycles", "nets", "jobs"):
            refuse(f"--activity runs in one thread, without a waveform; leave {strange[0]} out")
        _measure(
            accelerator, workload, save_activity, images=images, batch=batch, sample=sample,
            mapping=read_mapping(mapping), dataflow=dataflow and dataflow.value, seed=seed,
            backend=backend.value, as_json=as_json, **limited(cycle_limit),
        )  # fmt: skip
        return
    if given(context, "sample"):
        refuse("--sample is of --activity: it says how many toggles are counted")
    from asicbnn.report import simulated
    from asicbnn.simulate import simulate as run

    with terminal.progress("simulating") as progress:
        found = run(
            read_accelerator(accelerator), read_workload(workload), images=images, batch=batch,
            mapping=read_mapping(mapping), dataflow=dataflow and dataflow.value, seed=seed,
            backend=backend.value, jobs=jobs, progress=progress,
            waveform=read_window(vcd, cycles, nets=nets), **limited(cycle_limit),
        )  # fmt: skip
    if as_json:
        terminal.print_json(found.to_json())
    else:
        shown = simulated.simulation(found.result, found.images, found.batch, found.accuracy)
        terminal.show(shown)
    if vcd is not None:
        terminal.wrote([vcd])
    if found.note:
        terminal.complain(f"note: {found.note}")


def _measure(
    accelerator: Path, workload: Path, target: Path | None, *, as_json: bool, **options: Any
) -> None:
    """Run the network and show what toggled."""
    from asicbnn.activity import measure
    from asicbnn.replacing import check_writable, write_text
    from asicbnn.report import activity_tables, simulated
    from asicbnn.spec.activity_file import to_yaml

    machine, network = read_accelerator(accelerator), read_workload(workload)
    if target is not None:
        check_writable(target)
    with terminal.progress("simulating") as progress:
        found = measure(machine, network, progress=progress, **options)
    ran = found.simulation
    if target is not None:
        write_text(target, to_yaml(found.file))
    if as_json:
        terminal.print_json(found.to_json())
    else:
        terminal.show(simulated.simulation(ran.result, ran.images, ran.batch, ran.accuracy))
        terminal.show(activity_tables.activity(found))
    if target is not None:
        terminal.wrote([target])
    if ran.note:
        terminal.complain(f"note: {ran.note}")


@terminal.verb
def verify(
    context: typer.Context,
    accelerator: Annotated[
        Path | None, typer.Argument(metavar="ACCELERATOR", help="accelerator YAML")
    ] = None,
    workload: Annotated[
        Path | None, typer.Argument(metavar="WORKLOAD", help="workload YAML")
    ] = None,
    images: Images = 1,
    batch: Together = 1,
    dataflow: Order = None,
    mapping: Nest = None,
    random: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="draw N cases instead of two files; from 400 on each feature has to occur",
        ),
    ] = None,
    seed: Seed = 0,
    backend: Engine = Backend.auto,
    jobs: Jobs = None,
    apart: Annotated[
        bool,
        typer.Option(
            "--apart",
            help="every layer on its own, from the reference's map; also of networks that do not "
            "run as a whole",
        ),
    ] = False,
    cycle_limit: CycleLimit = None,
    output: Folder = None,
    as_json: Json = False,
) -> int:
    """Compare the model with the hardware, layer by layer: cycles, accesses, output bits.

    Any difference is exit code 1. A random case that differs is written as YAML files that
    reproduce it.
    """
    if random is not None:
        _check_random(context, accelerator)
        return _verify_random(random, seed, backend, output, as_json=as_json)
    if accelerator is None or workload is None:
        refuse("expected ACCELERATOR and WORKLOAD, or --random N")
    from asicbnn.verify import verify as whole
    from asicbnn.verify import verify_apart

    with terminal.progress("verifying") as progress:
        run = verify_apart if apart else whole
        found = run(
            read_accelerator(accelerator), read_workload(workload), images=images, batch=batch,
            mapping=read_mapping(mapping), dataflow=dataflow and dataflow.value, seed=seed,
            backend=backend.value, jobs=jobs, progress=progress, **limited(cycle_limit),
        )  # fmt: skip
    _show_verification(found, output, as_json=as_json)
    return 0 if found.agrees else terminal.DIFFERENCE


def _check_random(context: typer.Context, accelerator: Path | None) -> None:
    """Refuse what drawn cases have of their own."""
    if accelerator is not None:
        refuse("--random draws its own accelerators and workloads; name no files with it")
    strange = given(
        context, "images", "batch", "dataflow", "mapping", "jobs", "apart", "cycle_limit"
    )
    if strange:
        refuse(f"--random draws its own cases; it does not take {', '.join(strange)}")


def _show_verification(found: Verification, output: Path | None, *, as_json: bool) -> None:
    from asicbnn.report import tables

    if as_json:
        terminal.print_json(found.to_json())
    else:
        terminal.show(tables.differences(found.rows))
        terminal.say(found.verdict)
    if found.note:
        terminal.complain(f"note: {found.note}")
    if output is not None:
        from asicbnn.sweep.files import write_table

        terminal.wrote(write_table(found.to_frame(), output / "verification"))


def _verify_random(
    count: int, seed: int, backend: Backend, output: Path | None, *, as_json: bool
) -> int:
    from asicbnn.report import tables
    from asicbnn.verify import verify_random

    with terminal.progress("random cases") as progress:
        found = verify_random(
            count, seed=seed, folder=output, backend=backend.value, progress=progress
        )
    if as_json:
        terminal.print_json(found.to_json())
    else:
        terminal.show(tables.counts(found.features, "cases that exercised a feature"))
        terminal.say(found.verdict)
    terminal.wrote(found.written)
    return 0 if found.agrees else terminal.DIFFERENCE


@terminal.verb
def compare(
    accelerator: AcceleratorFile,
    workload: WorkloadFile,
    batch: Batch = 1,
    objective: Least = Objective.energy,
    level: AtLevel = None,
    output: Folder = None,
    as_json: Json = False,
) -> None:
    """Show the dataflows of one accelerator side by side, as tables and a figure."""
    from asicbnn.compare import compare as run
    from asicbnn.report import tables

    machine = read_accelerator(accelerator)
    found = run(
        machine, read_workload(workload), batch=batch, objective=objective.value,
        level=level.value if level else None,
    )  # fmt: skip
    if as_json:
        terminal.print_json(found.to_json())
    else:
        terminal.show(tables.dataflows(found.results))
        for name, reason in found.refused.items():
            terminal.complain(f"{name} does not fit: {reason}")
    if output is not None:
        from asicbnn.report import compose

        terminal.wrote(compose.write_comparison(machine, found.results, output))


def register(app: typer.Typer) -> None:
    """Add these verbs to the command line."""
    app.command(
        short_help="cycles, accesses, energy, power, area by the model",
        epilog=examples(
            f"estimate {_BINARYNET}",
            f"estimate {_BINARYNET} --dataflow best --objective latency",
            f"estimate {_BINARYNET} --mapping nests.yaml --json",
            f"estimate {_DIGITS} --activity activity.yaml",
        ),
    )(estimate)
    app.command(
        short_help="run a network on the generated hardware",
        epilog=examples(
            f"simulate {_DIGITS} --images 20",
            f"simulate {_DIGITS} --images 20 --save-activity activity.yaml",
            f"simulate {_DIGITS} --vcd run.vcd --cycles 2000:2500",
        ),
    )(simulate)
    app.command(
        short_help="model against hardware, layer by layer",
        epilog=examples(f"verify {_DIGITS} --images 20", "verify --random 1000 --seed 7"),
    )(verify)
    app.command(
        short_help="the dataflows side by side",
        epilog=examples(f"compare {_BINARYNET}", f"compare {_BINARYNET} --output reports/flows"),
    )(compare)
