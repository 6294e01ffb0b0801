"""What each subcommand does: the only place where the edges and the core meet."""
