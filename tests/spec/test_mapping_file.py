"""Mapping files: explicit loop nests per layer."""

from __future__ import annotations

import pytest

from asicbnn.errors import SpecError
from asicbnn.spec.mapping_file import MappingFile
from asicbnn.spec.reader import read_text


def test_a_mapping_file_reads() -> None:
    text = "layers:\n  conv.1:\n    outer: [[K, 64], [OY, 8]]\n    inner: [K, OY, OX, C]\n"
    layer = read_text(text, MappingFile).layers["conv.1"]
    assert layer.outer == (("K", 64), ("OY", 8))
    assert layer.complete_inner == ("K", "OY", "OX", "C", "B", "FY", "FX", "BA", "BW")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{outer: [[K, 64], [FY, 3]]}",
         "layers.a.outer[1][0]: expected B, K, C, OY or OX, got 'FY'"),
        ("{outer: [[K, 0]]}", "layers.a.outer[0][1]: expected an integer from 1 to 16777216, got"),
        ("{outer: [[K]]}", "layers.a.outer[0]: expected a list of 2: B, K, C, OY or OX, then"),
        ("{outer: [K, 64]}", "layers.a.outer[0]: expected a list of 2"),
        ("{outer: [[K, 8], [K, 64]]}",
         "layers.a.outer[1]: K is in the list already; each may be there once"),
        ("{inner: [K, C, K]}",
         "layers.a.inner[2]: K is in the list already; each may be there once"),
        ("{inner: [k]}", "layers.a.inner[0]: expected B, K, C, OY, OX, FY, FX, BW or BA, got 'k'"),
        ("{inner: K}", "layers.a.inner: expected a list, each B, K, C"),
        ("{iner: [K]}", "layers.a.iner: unknown key"),
        ("5", "layers.a: expected a mapping with the keys outer, inner, got 5"),
    ],
)  # fmt: skip
def test_wrong_mappings(text: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_text(f"layers:\n  a: {text}\n", MappingFile, "f.yaml")
    assert said in str(caught.value)


def test_no_layers() -> None:
    with pytest.raises(
        SpecError, match=r"layers: expected a mapping with at least 1 entry, got an"
    ):
        read_text("layers: {}\n", MappingFile)
