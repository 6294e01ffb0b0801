"""The API server: how to reach it, who we are, what it is asked and what its answers mean."""
