"""Capabilities in the Linux kernel and in the container runtimes."""
