"""Warnings about a container's capabilities: each is a `Rule` with a check and a manual."""
