"""kubectl caps harden: drop ALL capabilities and add back only what is chosen, live or in files."""
