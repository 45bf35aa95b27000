"""Verilog: a writer for any PyRTL block, and the accelerator without its probes."""

from asicbnn.hardware.verilog.accelerator import verilog
from asicbnn.hardware.verilog.writer import MemoryModule, VerilogBlock, library, write_verilog

__all__ = ["MemoryModule", "VerilogBlock", "library", "verilog", "write_verilog"]
