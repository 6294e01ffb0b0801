"""Our command line as it is for somebody whom file permissions bind."""

import os
import subprocess
import sys

# Root reads and writes whatever it likes, but not without these capabilities.
_WITHOUT = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


def as_a_user(*argv: str) -> subprocess.CompletedProcess[str]:
    """Run `kubectl-caps` with these arguments."""
    command = [*_WITHOUT, sys.executable, "-m", "kubectl_caps", *argv]
    return subprocess.run(command, capture_output=True, text=True, check=False)
