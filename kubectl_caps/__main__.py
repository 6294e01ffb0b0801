"""Runs the program as `python -m kubectl_caps`."""

from kubectl_caps.main import run

run()
