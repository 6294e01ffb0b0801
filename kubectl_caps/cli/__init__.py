"""Defines the command line: every flag as data, help pages, and the checked arguments of each command."""
