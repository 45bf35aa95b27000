// Clock gate: a latch that is open while the clock is low, and an AND. The enable of a cycle decides
// whether the edge that ends it clocks. Synthesis maps it to the library's integrated clock gate.
(* keep_hierarchy *)
module clock_gate (input clock, input enable, output gated_clock);
  reg open;
  // verilator lint_off LATCH
  always @(clock or enable)
    if (!clock) open = enable;
  // verilator lint_on LATCH
  assign gated_clock = clock & open;
endmodule
