"""Reads and changes the API server's resources: lists, single objects, patches, discovery."""
