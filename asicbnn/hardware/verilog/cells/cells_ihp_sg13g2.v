// Adder cells and clock gate of sg13g2_stdcell. The library has no adder cells: they are composed of
// gates. The hierarchy is kept: gates of an adder stay together instead of being restructured, which
// costs energy.
(* keep_hierarchy *)
module full_adder_cell (input a, input b, input c, output sum, output carry);
  wire half = a ^ b;
  assign sum = half ^ c;
  assign carry = (a & b) | (half & c);
endmodule

(* keep_hierarchy *)
module half_adder_cell (input a, input b, output sum, output carry);
  assign sum = a ^ b;
  assign carry = a & b;
endmodule

module clock_gate (input clock, input enable, output gated_clock);
  sg13g2_lgcp_1 cell_i (.CLK(clock), .GATE(enable), .GCLK(gated_clock));
endmodule
