"""Sends requests and reads responses: connections, TLS, credentials, websockets, and their errors."""
