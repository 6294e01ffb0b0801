"""The decisions: pure functions of plain data. The core does not read, write, connect or print."""
