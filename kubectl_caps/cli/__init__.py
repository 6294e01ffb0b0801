"""The command line: every flag as data, and argv as the options of one command."""
