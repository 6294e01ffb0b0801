"""Workloads, namespaces, rollouts and processes, read from the API server."""
