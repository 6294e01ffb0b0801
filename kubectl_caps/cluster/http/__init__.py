"""Requests and responses: connections, TLS, credentials, websockets, and their errors."""
