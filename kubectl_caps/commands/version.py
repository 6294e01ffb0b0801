"""kubectl caps version"""

import argparse
from importlib.metadata import version


def main(options: argparse.Namespace) -> int:
    """Print the version of this program."""
    print(f"kubectl-caps v{version('kubectl-caps')}")
    return 0
