"""What the hardware does: programs, simulator back ends and whole runs."""
