"""kubectl caps explain: what a Pod Security check reads, what it allows, and an example of each."""

import argparse
import difflib

from kubectl_caps.commands.harden import print_lines
from kubectl_caps.core.podsecurity.registry import CHECKS
from kubectl_caps.errors import UsageError
from kubectl_caps.report.manual import page
from kubectl_caps.report.table import table


def main(options: argparse.Namespace) -> int:
    """Print one check's manual, or the list of all checks."""
    ids = {check.id: check for check in CHECKS}
    if options.subject is None:
        print_lines(table(["CHECK", "LEVEL", "SINCE"], [[c.id, c.level, f"v1.{c.revisions[0].minor}"] for c in CHECKS]))
        return 0
    if options.subject not in ids:
        near = difflib.get_close_matches(options.subject, ids, 1)
        hint = f", did you mean {near[0]}?" if near else "; `explain` alone lists them"
        raise UsageError(f'unknown check "{options.subject}"{hint}')
    print_lines(page(ids[options.subject]))
    return 0
