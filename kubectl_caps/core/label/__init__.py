"""Verdicts on a namespace's labels, and advice on what has to change first."""
