"""How work is cut: loop nests, tiles and the layout of data."""
