"""The decisions: pure functions of plain data. The core reads, writes, connects to and prints nothing."""
