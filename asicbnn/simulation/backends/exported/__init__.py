"""Simulators of the exported Verilog: Verilator and Icarus."""
