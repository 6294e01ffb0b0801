# PYTHON_ARGCOMPLETE_OK: argcomplete's global completion looks for this word here.
"""Runs the program as `python -m kubectl_caps`."""

from kubectl_caps.main import run

run()
