"""One cluster for all processes of a test session.

The session's first process makes a folder and keeps it open (`Session`). Whoever asks first for a cluster starts it
there; whoever asks later gets the same one. The cluster's standard input is a pipe in that folder, which the first
process holds open, so the cluster ends when that process does, however that happens.
"""

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

from testbed.needs import Tier
from testbed.place import Place
from testbed.serve import started

ENDS_WITHIN = 30
"""Seconds that a cluster may take to take its programs, mounts and cgroups away."""


class Session:
    """The folder of what is shared; held by the first process of a test session."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="kubectl-caps-shared-"))
        os.mkfifo(self.folder / "life")
        # For reading too: to open a pipe only for writing waits for its first reader.
        self._life = os.open(self.folder / "life", os.O_RDWR)

    def close(self) -> None:
        """Ends its clusters, and returns when they are gone."""
        os.close(self._life)
        deadline = time.monotonic() + ENDS_WITHIN
        places = [Path(record.read_text().split("\n")[0]) for record in self.folder.glob("*.place")]
        while any(place.exists() for place in places) and time.monotonic() < deadline:
            time.sleep(0.05)
        shutil.rmtree(self.folder, ignore_errors=True)


def cluster(session: Path, tier: Tier) -> Place:
    """The cluster of a session's folder, which is started where it is not there yet. Raises Failed as `running`."""
    record = session / f"{tier}.place"
    with (session / f"{tier}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not record.exists():
            place = started(tier, session / "life")
            record.write_text(f"{place.folder}\n{place.port}")
    folder, port = record.read_text().split("\n")
    return Place(Path(folder), int(port))
