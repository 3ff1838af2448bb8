"""Which devices exist, how are they, what should they be? Registry, twins, commands, alarms."""
