"""Runs kubectl caps harden: drops ALL capabilities and adds the chosen ones, on a cluster or in files."""
