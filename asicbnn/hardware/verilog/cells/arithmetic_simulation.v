// Adders as vector expressions, for simulators. Synthesis reads arithmetic_synthesis.v instead:
// the same modules with one adder cell per bit.

module full_adder #(parameter WIDTH = 1) (
  input [WIDTH-1:0] a, input [WIDTH-1:0] b, input [WIDTH-1:0] c,
  output [WIDTH-1:0] sum, output [WIDTH-1:0] carry
);
  wire [WIDTH-1:0] half = a ^ b;
  assign sum = half ^ c;
  assign carry = (a & b) | (half & c);
endmodule

module half_adder #(parameter WIDTH = 1) (
  input [WIDTH-1:0] a, input [WIDTH-1:0] b,
  output [WIDTH-1:0] sum, output [WIDTH-1:0] carry
);
  assign sum = a ^ b;
  assign carry = a & b;
endmodule

module ripple_adder #(parameter WIDTH = 1) (
  input [WIDTH-1:0] a, input [WIDTH-1:0] b, output [WIDTH:0] sum
);
  assign sum = {1'b0, a} + {1'b0, b};
endmodule

// the highest bit of the difference says that a is below b
module ripple_subtractor #(parameter WIDTH = 1) (
  input [WIDTH-1:0] a, input [WIDTH-1:0] b, output [WIDTH:0] difference
);
  assign difference = {1'b0, a} - {1'b0, b};
endmodule

module ripple_below #(parameter WIDTH = 1) (
  input [WIDTH-1:0] a, input [WIDTH-1:0] b, output is_below
);
  assign is_below = a < b;
endmodule
