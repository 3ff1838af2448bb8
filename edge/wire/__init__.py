"""The device protocol, version 1. Pure: bytes in, values out; every other package may import it."""
