"""The default simulator: C that evaluates a netlist word by word, and its toggle counts."""
