// Adder cells and clock gate of sky130_fd_sc_hd.

`ifndef KEPT
`ifdef KEEP_ADDERS
`define KEPT (* keep *)
`else
`define KEPT
`endif
`endif

module full_adder_cell (input a, input b, input c, output sum, output carry);
  `KEPT sky130_fd_sc_hd__fa_1 cell_i (.A(a), .B(b), .CIN(c), .SUM(sum), .COUT(carry));
endmodule

module half_adder_cell (input a, input b, output sum, output carry);
  `KEPT sky130_fd_sc_hd__ha_1 cell_i (.A(a), .B(b), .SUM(sum), .COUT(carry));
endmodule

module clock_gate (input clock, input enable, output gated_clock);
  sky130_fd_sc_hd__dlclkp_1 cell_i (.CLK(clock), .GATE(enable), .GCLK(gated_clock));
endmodule
