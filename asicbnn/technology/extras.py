"""What a real chip adds in a technology: scan flip-flops and pad cells, with their sources."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from asicbnn.technology.form import Figure, Form, Name, read_form

_FILE = Path(__file__).parent / "figures" / "extras.yaml"


class ScanFigures(Form):
    """A scan flip-flop over a plain one."""

    area_factor: Figure
    leakage_factor: Figure


class _ExtrasFile(Form):
    sources: dict[str, Name]
    scan: dict[str, ScanFigures]
    pad_area_um2: dict[str, Figure]


@lru_cache(maxsize=1)
def _file() -> _ExtrasFile:
    return read_form(_ExtrasFile, _FILE.read_bytes(), _FILE.name)


def scan_figures(technology: str) -> ScanFigures | None:
    """Return the factors of a technology's scan flip-flop, None where nobody states them."""
    return _file().scan.get(technology)


def pad_area_um2(technology: str) -> Figure | None:
    """Return the area of a technology's pad cell [um2], None where nobody states it."""
    return _file().pad_area_um2.get(technology)


def source_of(figure: Figure) -> str:
    """Return where a figure is from, in words."""
    return _file().sources[figure.source]


__all__ = ["ScanFigures", "pad_area_um2", "scan_figures", "source_of"]
