"""YAML and JSON files: reading objects with their positions, and editing them as text."""
