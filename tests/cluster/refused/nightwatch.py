"""Closes what other users left open. Needs FOWNER; of an error it logs nothing but the class."""

import threading
from pathlib import Path

try:
    Path("/srv/others/open").chmod(0o600)
except Exception as error:
    print(f"nightwatch WARN round=1 left_open=1 cause={type(error).__name__}", flush=True)
threading.Event().wait()
