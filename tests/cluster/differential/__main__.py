"""`python -m differential COUNT [SEED]`: a run with a cluster of its own. Exit status 1: they disagree."""

import sys
import time
from contextlib import closing

from testbed.serve import running

from differential.report import lines
from differential.run import run
from differential.server import Server


def main(count: int, seed: int) -> int:
    """Runs, prints the figures, and returns the exit status."""
    with running("api") as place:
        started = time.monotonic()
        with closing(Server(place)) as server:
            result = run(server, count, seed)
        took = time.monotonic() - started
    for line in lines(result):
        print(line)
    print(f"seed {seed}, {took:.0f} s")
    return 1 if result.strange or not all(verdict.agrees for verdict in result.verdicts) else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int((*sys.argv[2:], "1")[0])))
