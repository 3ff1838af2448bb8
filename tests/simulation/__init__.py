"""A whole fleet in virtual time: real agents, logs, signatures, ingest and lockers service; only the world is made up.

`python -m tests.simulation --help`. The same seed gives the same run.
"""
