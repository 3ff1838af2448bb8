"""The demo: every deployable as a process on loopback, one simulated locker, faults on demand."""
