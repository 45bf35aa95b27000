"""Arguments and options that several verbs share, and the reading of the files they name."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from asicbnn.errors import SpecError

if TYPE_CHECKING:
    from asicbnn.simulation.waveform import Window
    from asicbnn.spec.accelerator import Accelerator
    from asicbnn.spec.mapping_file import MappingFile
    from asicbnn.spec.workload import Workload


class Dataflow(StrEnum):
    """The named orders of loops."""

    output_stationary = "output_stationary"
    weight_stationary = "weight_stationary"
    input_stationary = "input_stationary"
    row_stationary = "row_stationary"
    no_local_reuse = "no_local_reuse"
    best = "best"


class Objective(StrEnum):
    """What `best` makes least."""

    energy = "energy"
    latency = "latency"
    edp = "edp"


class Level(StrEnum):
    """What an estimate rests on."""

    cell = "cell"
    gate = "gate"
    routed = "routed"


class Backend(StrEnum):
    """What simulates the hardware."""

    auto = "auto"
    compiled = "compiled"
    pyrtl = "pyrtl"
    gates = "gates"
    verilator = "verilator"
    icarus = "icarus"


AcceleratorFile = Annotated[Path, typer.Argument(metavar="ACCELERATOR", help="accelerator YAML")]
WorkloadFile = Annotated[Path, typer.Argument(metavar="WORKLOAD", help="workload YAML")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON object")]
Batch = Annotated[int, typer.Option(min=1, help="images in one run")]
Images = Annotated[int, typer.Option(min=1, help="images to run")]
Together = Annotated[int, typer.Option("--batch", min=1, help="images in the store at once")]
Seed = Annotated[int, typer.Option(min=0, help="of whatever is drawn at random")]
Engine = Annotated[
    Backend,
    typer.Option(
        help="simulator: compiled (generated C), pyrtl (PyRTL's own), gates (hundreds of images at "
        "once), verilator or icarus (the exported Verilog in these programs); auto is compiled "
        "where there is a C compiler, else pyrtl"
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        min=1, help="batches at once, of back ends that run in threads; one per core if not given"
    ),
]
Order = Annotated[
    Dataflow | None, typer.Option(help="order of the loops, instead of the accelerator's")
]
Nest = Annotated[
    Path | None, typer.Option("--mapping", metavar="FILE", help="loop nests per layer, YAML")
]
Least = Annotated[Objective, typer.Option(help="what the mappings of dataflow best make least")]
AtLevel = Annotated[
    Level | None,
    typer.Option(
        "--level",
        help="what figures rest on: cell (sums over cells), gate (calibrated on mapped gates) or "
        "routed (with floorplan, wires and clock tree); by default the best the technology has "
        "without a floorplan",
    ),
]
Exhaustive = Annotated[
    bool, typer.Option("--exhaustive", help="try every tile size, not only the likely ones")
]
CycleLimit = Annotated[
    int | None, typer.Option(min=1, help="cycles a layer may take before it counts as hanging")
]
Waveform = Annotated[
    Path | None, typer.Option("--vcd", metavar="FILE", help="write a waveform of --cycles")
]
Cycles = Annotated[
    str | None,
    typer.Option("--cycles", metavar="A:B", help="first cycle of the waveform, and the one after"),
]
Nets = Annotated[bool, typer.Option("--nets", help="unnamed wires too in the waveform")]
Toggling = Annotated[
    bool, typer.Option("--activity", help="count toggles: their energy beside the model's")
]
Sample = Annotated[
    int,
    typer.Option(min=1, metavar="N", help="count toggles in one window of 65 cycles in N"),
]
ActivityTarget = Annotated[
    Path | None,
    typer.Option("--save-activity", metavar="FILE", help="YAML for estimate --activity"),
]
Measured = Annotated[
    Path | None,
    typer.Option("--activity", metavar="FILE", help="measured activities, YAML of simulate"),
]
Folder = Annotated[
    Path | None, typer.Option("--output", "-o", help="folder for tables and figures")
]


def examples(*lines: str) -> str:
    """Return the examples at the end of a verb's help, line by line."""
    return "\b\nExamples:\n" + "\n".join(f"  asicbnn {line}" for line in lines)


def read_accelerator(path: Path) -> Accelerator:
    """Read an accelerator file."""
    from asicbnn.model.arguments import accelerator_of

    return accelerator_of(path)


def read_workload(path: Path) -> Workload:
    """Read a workload file."""
    from asicbnn.model.arguments import workload_of

    return workload_of(path)


def read_mapping(path: Path | None) -> MappingFile | None:
    """Read a mapping file, if one is named."""
    if path is None:
        return None
    from asicbnn.model.arguments import read_as
    from asicbnn.spec.mapping_file import MappingFile

    return read_as(path, "mapping", MappingFile)


def read_window(path: Path | None, cycles: str | None, *, nets: bool) -> Window | None:
    """Return what part of a run to write as a waveform, if any."""
    if path is None and (cycles is not None or nets):
        refuse("--cycles and --nets say what a waveform shows; name its file with --vcd FILE")
    if path is None:
        return None
    if cycles is None:
        refuse("--vcd FILE needs --cycles A:B, the cycles to write, such as 1000:1200")
    from asicbnn.simulation.waveform import window

    return window(path, cycles, nets=nets)


def limited(cycle_limit: int | None) -> dict[str, int]:
    """Return the limit as an argument, if one was given."""
    return {} if cycle_limit is None else {"cycle_limit": cycle_limit}


def given(context: typer.Context, *names: str) -> list[str]:
    """Return which of these options stand on the command line, as they are spelt there."""
    sources = ((name, context.get_parameter_source(name)) for name in names)
    chosen = [name for name, source in sources if source and source.name == "COMMANDLINE"]
    return [f"--{name.replace('_', '-')}" for name in chosen]


def refuse(sentence: str) -> NoReturn:
    """End a verb whose arguments do not go together."""
    raise SpecError(sentence)
