"""The subcommands: the only place where the edges and the core meet."""
