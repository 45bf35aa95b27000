// Adder cells, clock gate, latch and line drivers of sky130_fd_sc_hd.

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

module latch #(parameter WIDTH = 1) (
  input enable, input [WIDTH-1:0] data, output [WIDTH-1:0] stored
);
  genvar i;
  generate
    for (i = 0; i < WIDTH; i = i + 1) begin : bits
      sky130_fd_sc_hd__dlxtp_1 cell_i (.D(data[i]), .GATE(enable), .Q(stored[i]));
    end
  endgenerate
endmodule

module word_lines #(parameter WORDS = 1) (input [WORDS-1:0] line, output [WORDS-1:0] driven);
  genvar i;
  generate
    for (i = 0; i < WORDS; i = i + 1) begin : lines
      (* keep *) sky130_fd_sc_hd__buf_1 cell_i (.A(line[i]), .X(driven[i]));
    end
  endgenerate
endmodule
