"""What is asked: accelerator, workload, sweep and mapping files, read into frozen models."""
