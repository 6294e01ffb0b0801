"""Judges the labels of a namespace, and advises which workloads to fix first."""
