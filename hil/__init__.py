"""Rigs: real or simulated devices under test, and the demo, which is a rig for one person."""
