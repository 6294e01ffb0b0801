"""Finds the missing capability behind log lines, events and exits."""
