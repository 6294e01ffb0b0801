"""Reads workloads, namespaces, rollouts and processes from the API server."""
