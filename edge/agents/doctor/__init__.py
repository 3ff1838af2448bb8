"""`pw-edge doctor`: an installer's walk along the boards of a locker, one confirmed pulse after the other."""
