"""The locker controller's machine: doors, visits, deposits, collections, commands."""
