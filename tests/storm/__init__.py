"""Storm: thousands of devices that lose one broker at the same moment and come back to it with a backlog."""
