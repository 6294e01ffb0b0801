"""What the Linux kernel and the container runtimes do with capabilities."""
