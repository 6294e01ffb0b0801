"""The API server: connections to it, requests, responses, and the objects that commands read."""
