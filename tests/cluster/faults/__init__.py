"""The fault matrix: every command that talks to a cluster x every fault x every request of the command.

`commands` and `faults` are the two tables, `shop` is what stands on the real API server, `saboteur` the proxy in front
of it, which breaks one request of a run, and `judge` says what must hold whatever broke.
"""
