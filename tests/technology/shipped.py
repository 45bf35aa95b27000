"""The shipped libraries that have laws of voltage and temperature."""

from asicbnn.technology.library import load

NAMES = ("asap7", "ihp_sg13g2", "sky130hd")
ALL = [load(name) for name in NAMES]
ASAP, IHP, SKY = ALL
