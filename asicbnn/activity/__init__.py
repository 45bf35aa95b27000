"""Activity: what toggles while a network runs on the hardware, beside what the model assumes."""

from asicbnn.activity.comparison import (
    NO_GLITCHES,
    SAMPLE,
    WINDOW_CYCLES,
    Activity,
    Row,
    measure,
)

__all__ = ["NO_GLITCHES", "SAMPLE", "WINDOW_CYCLES", "Activity", "Row", "measure"]
