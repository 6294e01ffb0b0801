"""Kubernetes objects as plain data: pods, the kinds that make them, patches, and the state of rollouts."""
