"""The model held against mapped gates: netlists, timed simulation, residuals and factors."""
