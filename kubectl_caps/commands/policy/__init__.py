"""Runs kubectl caps policy: makes, applies, checks and removes admission policies for the workloads of a namespace."""
