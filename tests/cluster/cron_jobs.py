"""CronJobs for tests, and the commands that harden prints about them."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

NEVER = "0 0 1 1 *"
"""A schedule that does not come due in our time."""
EACH_MINUTE = "* * * * *"


def cron_job(name: str, pod: Mapping[str, Any], schedule: str = NEVER, **job: Any) -> dict[str, Any]:
    """A CronJob whose Job has these fields; those that begin with `cron_` are the CronJob's own."""
    own = {key.removeprefix("cron_"): job.pop(key) for key in [*job] if key.startswith("cron_")}
    template = {"spec": {"template": {"spec": {"restartPolicy": "Never", **pod}}, **job}}
    spec = {"schedule": schedule, "jobTemplate": template, **own}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name}, "spec": spec}


def commands(text: str, *behind: str) -> Iterator[list[str]]:
    """The words of the `harden` commands that stand in a text behind one of these."""
    for line in text.splitlines():
        for words in behind:
            if words in line:
                command = shlex.split(line.partition(words)[2])
                yield command[command.index("harden") :]
