"""Everything that runs on a device: locker controller, handheld, robot gateway."""
