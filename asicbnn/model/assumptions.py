"""Figures the models take for granted, read from `assumptions.yaml`: activities and warnings."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from asicbnn.technology.schema import Figure, Form, Name, read_form

_FILE = Path(__file__).parent / "assumptions.yaml"


class Assumptions(Form):
    """Activities [transitions per output and event] and the bound of what is plausible."""

    sources: dict[str, Name]
    random_bit: Figure
    carry_bits: Figure
    control_activity: Figure
    efficiency_record_tops_per_w: Figure

    def flags(self) -> Iterator[str]:
        """Yield a sentence for every figure that is assumed."""
        for name in type(self).model_fields:
            figure = getattr(self, name)
            if isinstance(figure, Figure) and figure.assumed:
                yield f"{name} = {figure.value:g} is assumed: {figure.note}"


@lru_cache(maxsize=1)
def assumptions() -> Assumptions:
    """Return the figures; the file is read once."""
    return read_form(Assumptions, _FILE.read_bytes(), _FILE.name)
