"""What a design point costs: cycles, area, energy and timing in closed form."""
