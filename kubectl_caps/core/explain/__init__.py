"""Explanations of words and of log lines."""
