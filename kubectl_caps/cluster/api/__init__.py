"""The API server's resources: lists, single objects, patches, discovery."""
