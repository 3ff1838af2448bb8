"""PURE. Updates of a device: what may be installed, and how a trial of it ends."""
