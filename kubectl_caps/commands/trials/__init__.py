"""Makes, watches, judges and removes trial pods."""
