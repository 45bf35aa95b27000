"""Whatever stands in a file, the reader returns a spec or a SpecError that can be printed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from asicbnn.errors import SpecError
from asicbnn.spec.accelerator import Accelerator
from asicbnn.spec.check import KINDS, model_of
from asicbnn.spec.mapping_file import MappingFile
from asicbnn.spec.reader import read_text
from asicbnn.spec.sweep import Sweep

ROOT = Path(__file__).parents[2]
EDGE64 = (ROOT / "arch_specs" / "edge64.yaml").read_text()
SWEEP = (ROOT / "arch_specs" / "digits_sweep.yaml").read_text()
MAPPING = "layers:\n  a: {outer: [[K, 64], [OY, 8]], inner: [K, OY]}\n  b: {inner: [C]}\n"
WORKLOAD = (ROOT / "workloads" / "finn_cnv_w1a1_cifar10.yaml").read_text()
FRAGMENTS = [
    "{", "}", "[", "]", ":", ": ", ",", "- ", "&a ", "*a", "!!int ", "<<: ", "|", ">", "'", '"',
    "#", "\t", "\n", " ", "%", "@", "?", "null", "~", "true", "on", "010", "2e8", ".nan", "-1",
    "0", "[]", "{}", "\x00", "\ufeff", "é", "\u2028", "---", "...", "9" * 40,
]  # fmt: skip


def survives(text: str, model: type[BaseModel]) -> None:
    try:
        read_text(text, model, "f.yaml")
    except SpecError as error:
        problems, printed = error.problems, str(error)
    else:
        return
    lines = text.count("\n") + text.count("\u2028") + 1
    assert problems
    assert printed
    assert all(problem.line is None or 1 <= problem.line <= lines for problem in problems)


@pytest.mark.parametrize("kind", KINDS)
@given(text=st.text(alphabet=st.sampled_from("ab:{}[]-&*!|>'\"#\t\n ,?%@0.1é\ufeff"), max_size=60))
def test_any_text(kind: str, text: str) -> None:
    survives(text, model_of(kind))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "model"),
    [(EDGE64, Accelerator), (SWEEP, Sweep), (MAPPING, MappingFile), (WORKLOAD, None)],
    ids=["accelerator", "sweep", "mapping", "workload"],
)
@given(data=st.data())
def test_a_file_with_pieces_replaced(
    text: str, model: type[BaseModel] | None, data: st.DataObject
) -> None:
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = start + data.draw(st.integers(0, 12))
        text = text[:start] + data.draw(st.sampled_from(FRAGMENTS)) + text[end:]
    survives(text, model or model_of("workload"))
