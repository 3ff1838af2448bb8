"""User-mode Linux: the device's programs on a real kernel that is one process of the host."""
