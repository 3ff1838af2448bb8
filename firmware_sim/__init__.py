"""Simulated microcontrollers: pure board models, doors as they move, ptys, named faults, a control socket."""
