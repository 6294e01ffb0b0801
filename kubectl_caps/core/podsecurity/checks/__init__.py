"""One module for each check: its docstring is the manual, and `CHECK` is the record."""
