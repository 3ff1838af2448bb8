"""Serial frames of the lock boards as sans-IO codecs: bytes in, frames or garbage out."""
