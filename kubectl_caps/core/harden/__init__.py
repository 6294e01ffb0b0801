"""Hardening as data: the changes of one object, their loss, the result, the undo."""
