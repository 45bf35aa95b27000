"""What cells, memories and external parts cost: figures with sources, behind one interface."""
