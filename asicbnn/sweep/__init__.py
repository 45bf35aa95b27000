"""Many points: the engine that evaluates them, the front that remains, the files they end in."""
