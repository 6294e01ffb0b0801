"""Random policies and random requests, the API server's verdicts on them, and ours."""
