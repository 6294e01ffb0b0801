"""Completes command lines in shells: kubectl's protocol, scripts for direct use, and their installation."""
