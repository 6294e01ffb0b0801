"""The differential oracle: random pods, and whether the API server's verdicts on them are ours, word for word."""
