"""What decides. Pure functions of plain data: nothing here reads, writes, connects or prints."""
