"""Composition roots: the programs that run on a device, wired from the other rooms."""
