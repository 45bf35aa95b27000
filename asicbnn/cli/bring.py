"""The verb that reads what others wrote: import, with a command per format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asicbnn.cli import terminal
from asicbnn.cli.options import WorkloadFile, examples, read_workload, refuse

_FOLDER = "params/mnist/lfcW1A1"


@terminal.verb
def bnn_pynq(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="its .bin files, such as 0-0-weights.bin")
    ],
    workload: WorkloadFile,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="folder for the workload and its weights")
    ],
    images: Annotated[
        Path | None, typer.Option(metavar="FILE", help="test images, IDX or .npz, to store too")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="their classes; y of the same .npz if not")
    ] = None,
) -> None:
    """Read the trained parameters of a BNN-PYNQ network, and write them as a workload.

    The folder says nothing of the network's shape: WORKLOAD is the file that does.
    """
    from asicbnn.importers import bnn_pynq as pynq
    from asicbnn.importers.files import write_network
    from asicbnn.importers.images import read_labels, read_pixels
    from asicbnn.spec.lowering import lower

    if labels is not None and images is None:
        refuse("--labels are of images: name those with --images")
    network = read_workload(workload)
    lowered = lower(network)
    if not lowered.is_executable:
        refuse(f"{network.name} is not executed as a whole: {lowered.reason}")
    first = lowered.layers[0]
    parameters = pynq.read_parameters(folder, lowered.layers)
    arrays = {}
    if images is not None:
        pixels = read_pixels(images, (first.in_y, first.in_x, first.in_channels))
        arrays["images"] = pynq.input_pixels(pixels, first)
        classes = lowered.layers[-1].out_channels
        arrays["labels"] = read_labels(labels or images, len(pixels), classes)
    terminal.wrote(write_network(workload, parameters, output, **arrays))


def register(app: typer.Typer) -> None:
    """Add the verb and its formats to the command line."""
    formats = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    shown = examples(
        f"import bnn-pynq {_FOLDER} workloads/finn_lfc_w1a1.yaml -o trained",
        f"import bnn-pynq {_FOLDER} workloads/finn_lfc_w1a1.yaml -o trained "
        "--images t10k-images-idx3-ubyte.gz --labels t10k-labels-idx1-ubyte.gz",
    )
    formats.command(
        name="bnn-pynq", short_help="parameter folders of BNN-PYNQ", epilog=shown
    )(bnn_pynq)  # fmt: skip
    app.add_typer(
        formats, name="import", help="Read a trained network of another tool.",
        short_help="read a trained network of another tool", epilog=shown,
    )  # fmt: skip
