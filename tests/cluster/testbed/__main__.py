"""The test cluster from the command line; the Makefile's and the demo's way in.

python -m testbed build                          fills the cache with what this machine can run
python -m testbed run TIER [PROGRAM=NAME...] -- COMMAND
    runs a command with KUBECONFIG set to a new cluster, which has PROGRAM (nginx, redis, ping) as image NAME
"""

import os
import subprocess
import sys
from pathlib import Path

from testbed import build, golang, needs, programs
from testbed.cluster import Node
from testbed.needs import Tier
from testbed.processes import Failed
from testbed.serve import running, serve


def fill_cache() -> int:
    """Builds for every tier that the machine can run otherwise. A failure stops only CI: pytest says the rest."""
    has_node = not needs.of_machine("node")
    has_api = not needs.of_machine("api") and needs.assets() == build.KUBERNETES.folder
    wanted = [build.KUBERNETES] if has_node or has_api else []
    try:
        for product in [*wanted, *([build.CONTAINERD] if has_node else []), build.SARIF_VALIDATOR]:
            build.build(product)
            print(f"{product.name} {product.version}: {product.folder}", flush=True)
    except (build.BuildFailed, golang.NoGo) as failed:
        print(f"error: {failed}", file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" else 0
    return 0


def run(tier: Tier, wanted: list[str], command: list[str]) -> int:
    """Runs `command` against a new cluster that has the `wanted` images. Returns its exit status."""
    absent = needs.missing(tier)
    if absent:
        print(f"error: a cluster cannot be started here, missing: {', '.join(absent)}", file=sys.stderr)
        return 1
    print("Starting Kubernetes ...", flush=True)
    with running(tier) as place:
        if tier == "node":
            node = Node(place)
            for program, _, name in (pair.partition("=") for pair in wanted):
                node.image(name, programs.REAL[program])
        path = f"{Path(sys.prefix, 'bin')}:{os.environ['PATH']}"
        return subprocess.run(command, env={**os.environ, "KUBECONFIG": str(place.kubeconfig), "PATH": path}).returncode


def main(arguments: list[str]) -> int:
    """Returns the exit status."""
    match arguments:
        case ["build"]:
            return fill_cache()
        case ["serve", folder, ("api" | "node") as tier, *flags]:
            serve(Path(folder), tier, flags)
            return 0
        case ["run", ("api" | "node") as tier, *words] if "--" in words:
            at = words.index("--")
            return run(tier, words[:at], words[at + 1 :])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Failed as failed:
        sys.exit(f"error: {failed}")
