// Adder cells, clock gate, latch and line drivers of sg13g2_stdcell. The library has no adder cells: they are composed of
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

module latch #(parameter WIDTH = 1) (
  input enable, input [WIDTH-1:0] data, output [WIDTH-1:0] stored
);
  genvar i;
  generate
    for (i = 0; i < WIDTH; i = i + 1) begin : bits
      sg13g2_dlhq_1 cell_i (.D(data[i]), .GATE(enable), .Q(stored[i]));
    end
  endgenerate
endmodule

module word_lines #(parameter WORDS = 1) (input [WORDS-1:0] line, output [WORDS-1:0] driven);
  genvar i;
  generate
    for (i = 0; i < WORDS; i = i + 1) begin : lines
      (* keep *) sg13g2_buf_1 cell_i (.A(line[i]), .X(driven[i]));
    end
  endgenerate
endmodule
