"""Finds the smallest set of capabilities that a workload runs with: evidence, trials, search, proof."""
