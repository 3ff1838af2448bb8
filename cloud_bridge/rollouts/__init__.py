"""Which device should run which release, and who goes first? Staged rollouts, gated on the health of those before."""
