"""An imported network as files: the workload with its weights, and images, beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from asicbnn.bnn.reference import Parameters
from asicbnn.bnn.weights import save_weights
from asicbnn.errors import Problem, SpecError
from asicbnn.replacing import check_writable, write_text
from asicbnn.spec.lowering import lower
from asicbnn.spec.workload import read_workload

_WEIGHTS_KEY = re.compile(r"^weights:.*\n", re.MULTILINE)
_LAYERS_KEY = re.compile(r"^layers:", re.MULTILINE)


def write_network(
    workload: Path | str,
    parameters: Sequence[Parameters],
    folder: Path | str,
    **images: npt.NDArray[Any],
) -> tuple[Path, Path]:
    """Write a copy of a workload file that names its weights, and the weights; return both paths.

    workload  the file of the network; its text is kept, comments and all
    images    arrays `images` and `labels`, as `bnn.weights` stores them

    The weights come first, so that the workload never names a file that is not there.
    Raises SpecError if it would overwrite the workload or its weights, EnvironmentProblem where
    the folder cannot be written.
    """
    text = Path(workload).read_text(encoding="utf-8")
    network = read_workload(workload)
    stem, place = Path(workload).stem, Path(folder)
    weights, target = place / f"{stem}.npz", place / f"{stem}.yaml"
    line = f"weights: {weights.name}\n"
    named = _LAYERS_KEY.sub(line + "layers:", _WEIGHTS_KEY.sub("", text), count=1)
    for written, read in ((target, workload), (weights, network.weights)):
        if read is not None and written.resolve() == Path(read).resolve():
            raise SpecError(Problem(
                "would be overwritten by what is imported from it", str(read),
                help="name another folder for the imported network",
            ))  # fmt: skip
    check_writable(target)
    save_weights(weights, lower(network).layers, parameters, **images)
    write_text(target, named)
    return target, weights


__all__ = ["write_network"]
