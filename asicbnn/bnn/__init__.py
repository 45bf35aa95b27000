"""What is computed: the integer semantics of a binary neural network, in numpy.

Nothing here knows of hardware: this package is the independent opinion that generated hardware is
compared with. `layer` is the shared language, `reference` executes it, `folding` turns batch norms
into integer thresholds, `training` and `digits` make a real network, `weights` stores one.
"""
