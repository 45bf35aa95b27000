// Adders as rows of adder cells, for synthesis: one full_adder_cell or half_adder_cell per bit.
// Simulators read the vector expressions of arithmetic_simulation.v instead.
// With KEEP_ADDERS no adder is trimmed, not even one whose operand is a constant: the mapped netlist
// then has exactly the adder cells the model counts.

`ifndef KEPT
`ifdef KEEP_ADDERS
`define KEPT (* keep *)
`else
`define KEPT
`endif
`endif

module full_adder #(parameter WIDTH = 1) (
  input [WIDTH-1:0] a, input [WIDTH-1:0] b, input [WIDTH-1:0] c,
  output [WIDTH-1:0] sum, output [WIDTH-1:0] carry
);
  genvar i;
  generate
    for (i = 0; i < WIDTH; i = i + 1) begin : bits
      `KEPT full_adder_cell cell_i (.a(a[i]), .b(b[i]), .c(c[i]), .sum(sum[i]), .carry(carry[i]));
    end
  endgenerate
endmodule

module half_adder #(parameter WIDTH = 1) (
  input [WIDTH-1:0] a, input [WIDTH-1:0] b,
  output [WIDTH-1:0] sum, output [WIDTH-1:0] carry
);
  genvar i;
  generate
    for (i = 0; i < WIDTH; i = i + 1) begin : bits
      `KEPT half_adder_cell cell_i (.a(a[i]), .b(b[i]), .sum(sum[i]), .carry(carry[i]));
    end
  endgenerate
endmodule

module ripple_adder #(parameter WIDTH = 1) (
  input [WIDTH-1:0] a, input [WIDTH-1:0] b, output [WIDTH:0] sum
);
  wire [WIDTH:1] carry;
  `KEPT half_adder_cell first (.a(a[0]), .b(b[0]), .sum(sum[0]), .carry(carry[1]));
  genvar i;
  generate
    for (i = 1; i < WIDTH; i = i + 1) begin : bits
      `KEPT full_adder_cell cell_i (
        .a(a[i]), .b(b[i]), .c(carry[i]), .sum(sum[i]), .carry(carry[i+1])
      );
    end
  endgenerate
  assign sum[WIDTH] = carry[WIDTH];
endmodule

// a - b = a + ~b + 1; the highest bit of the difference says that a is below b
module ripple_subtractor #(parameter WIDTH = 1) (
  input [WIDTH-1:0] a, input [WIDTH-1:0] b, output [WIDTH:0] difference
);
  wire [WIDTH:0] carry;
  assign carry[0] = 1'b1;
  genvar i;
  generate
    for (i = 0; i < WIDTH; i = i + 1) begin : bits
      `KEPT full_adder_cell cell_i (
        .a(a[i]), .b(~b[i]), .c(carry[i]), .sum(difference[i]), .carry(carry[i+1])
      );
    end
  endgenerate
  assign difference[WIDTH] = ~carry[WIDTH];
endmodule

module ripple_below #(parameter WIDTH = 1) (
  input [WIDTH-1:0] a, input [WIDTH-1:0] b, output is_below
);
  wire [WIDTH:0] carry;
  assign carry[0] = 1'b1;
  genvar i;
  generate
    for (i = 0; i < WIDTH; i = i + 1) begin : bits
      `KEPT full_adder_cell cell_i (.a(a[i]), .b(~b[i]), .c(carry[i]), .sum(), .carry(carry[i+1]));
    end
  endgenerate
  assign is_below = ~carry[WIDTH];
endmodule
