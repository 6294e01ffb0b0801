"""Explains words and log lines."""
