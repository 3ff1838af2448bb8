"""Real things on wires: lock boards on serial lines, pins, and the bank that hides the families."""
