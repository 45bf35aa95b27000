"""What is built: PyRTL generators of the accelerator."""
