"""Edits manifests as text, so that no other line is touched."""
