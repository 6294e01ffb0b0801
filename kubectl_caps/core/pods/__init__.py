"""Pods as controllers and the API server make them from templates."""
