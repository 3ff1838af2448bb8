"""Signed releases: a repository after The Update Framework (TUF 1.0), its roles, keys and commands."""
