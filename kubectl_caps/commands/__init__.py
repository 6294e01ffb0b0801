"""Runs the subcommands. Only this package uses both the edges and the core."""
