"""The terminal: how results and progress are printed. Decides nothing."""
