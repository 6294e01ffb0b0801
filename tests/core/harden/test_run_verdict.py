"""Tests the verdict on a CronJob's run: which unread logs leave the run unproven."""

import pytest

from kubectl_caps.core.harden.run_verdict import not_read
from kubectl_caps.core.kubernetes.pod import Metadata, Pod


@pytest.mark.parametrize(
    ("unread", "words"),
    [
        ([], ""),
        ([("run-1", "c before its restart")], "logs were not read: run-1/c before its restart"),
        ([("earlier-1", "c before its restart")], ""),
        ([("earlier-1", "c"), ("run-1", "c")], "logs were not read: run-1/c"),
    ],
    ids=["none", "its own", "an earlier run's", "both"],
)
def test_only_the_logs_of_the_run_itself_have_to_be_read(unread: list[tuple[str, str]], words: str) -> None:
    pods = [Pod(Metadata(name="run-1"))]
    assert not_read({"status": {"succeeded": 1}}, pods, unread, sample=5) == words
