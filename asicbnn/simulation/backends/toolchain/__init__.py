"""Where code comes from that others compile: compilers and tools, and what they built before."""
