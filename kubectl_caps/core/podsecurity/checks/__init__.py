"""One module a check: its docstring is its manual, `CHECK` its record."""
