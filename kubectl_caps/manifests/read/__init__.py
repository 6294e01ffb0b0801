"""Reads manifests: paths, texts, objects, positions."""
