"""From log lines, events and exits to the capability that is missing."""
