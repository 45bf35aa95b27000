// Adder cells composed of gates, for libraries that have none. The hierarchy is kept: gates of an
// adder stay together instead of being restructured, which costs energy.
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
