"""The bit-sliced simulator: one-bit gates, hundreds of stimuli in a machine word."""
