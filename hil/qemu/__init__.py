"""QEMU: the very card image on an emulated board."""
