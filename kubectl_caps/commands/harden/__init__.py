"""Runs kubectl caps harden: it drops ALL capabilities and adds back the chosen ones, on a cluster or in files."""
