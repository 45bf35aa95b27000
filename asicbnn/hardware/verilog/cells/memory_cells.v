// Cells of latch and flip-flop memories, for simulators and for libraries without a file like
// cells_sky130hd.v. The hierarchy is kept: mapping sees latches and drivers of lines as they are.

// Latches, open while `enable` is 1. What they store changes after all that the same edge clocks has
// taken its values, as behind a cell's delay.
(* keep_hierarchy *)
module latch #(parameter WIDTH = 1) (
  input enable, input [WIDTH-1:0] data, output reg [WIDTH-1:0] stored
);
  // verilator lint_off COMBDLY
  // verilator lint_off LATCH
  always @(enable or data)
    if (enable) stored <= data;
  // verilator lint_on LATCH
  // verilator lint_on COMBDLY
endmodule

// Drivers of the lines that open words to a read.
(* keep_hierarchy *)
module word_lines #(parameter WORDS = 1) (input [WORDS-1:0] line, output [WORDS-1:0] driven);
  assign driven = line;
endmodule
