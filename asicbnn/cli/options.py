"""Arguments and options that several verbs share, and the reading of the files they name."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from asicbnn.errors import SpecError

if TYPE_CHECKING:
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


class Backend(StrEnum):
    """What simulates the hardware."""

    auto = "auto"
    compiled = "compiled"
    pyrtl = "pyrtl"
    gates = "gates"


AcceleratorFile = Annotated[Path, typer.Argument(metavar="ACCELERATOR", help="accelerator YAML")]
WorkloadFile = Annotated[Path, typer.Argument(metavar="WORKLOAD", help="workload YAML")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON object")]
Batch = Annotated[int, typer.Option(min=1, help="images in one run")]
Images = Annotated[int, typer.Option(min=1, help="images to run")]
Together = Annotated[int, typer.Option("--batch", min=1, help="images in the store at once")]
Seed = Annotated[int, typer.Option(min=0, help="of whatever is drawn at random")]
Engine = Annotated[
    Backend, typer.Option(help="simulator: generated C, PyRTL's own, or gates, many images at once")
]
Jobs = Annotated[
    int | None,
    typer.Option(min=1, help="batches simulated at once, by default one per core where that helps"),
]
Order = Annotated[
    Dataflow | None, typer.Option(help="order of the loops, instead of the accelerator's")
]
Nest = Annotated[
    Path | None, typer.Option("--mapping", metavar="FILE", help="loop nests per layer, YAML")
]
Least = Annotated[Objective, typer.Option(help="what the mappings of dataflow best make least")]
Exhaustive = Annotated[
    bool, typer.Option("--exhaustive", help="try every tile size, not only the likely ones")
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


def given(context: typer.Context, *names: str) -> list[str]:
    """Return which of these options stand on the command line, as they are spelt there."""
    sources = ((name, context.get_parameter_source(name)) for name in names)
    return [f"--{name}" for name, source in sources if source and source.name == "COMMANDLINE"]


def refuse(sentence: str) -> NoReturn:
    """End a verb whose arguments do not go together."""
    raise SpecError(sentence)
