"""Capabilities in the Linux kernel and in container runtimes."""
