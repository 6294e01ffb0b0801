"""Requests and responses: connections, TLS, credentials, websockets, and errors on the way."""
