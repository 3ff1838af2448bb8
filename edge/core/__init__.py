"""What a device decides. Pure: `step(state, input, now) -> (state, effects)`."""
