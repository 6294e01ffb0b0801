"""The table of `inspect --trace`."""

import golden_values as values

from kubectl_caps.core.trace.report import CapabilityCheck, MadeCall
from kubectl_caps.core.trace.usage import container_usage, summed
from kubectl_caps.report.trace import usage_lines


def test_the_table_says_what_was_used_refused_and_never_used_and_for_how_long() -> None:
    lines = list(usage_lines(values.usages()[0]))
    assert lines[0].split() == ["CONTAINER", "CAPABILITY", "PROCESS", "CALL", "RESULT"]
    assert "granted 2 times" in lines[1]
    assert "refused 7 times; not yet a need: memory is reserved" in lines[2]
    assert lines[3] == "deployment.apps/web: container app: never used in 600 s: KILL"
    assert "web: container app: keyctl of perl succeeded 2 times; the seccomp profile RuntimeDefault" in lines[4]
    assert "traced for 600 s in 2 pods" in lines[5]


def test_failed_calls_alone_say_nothing_of_use() -> None:
    text = "\n".join(usage_lines(values.usages()[1]))
    assert "failed with EPERM once" in text
    assert "never used" not in text
    assert "the record is incomplete: pod web-x: 3 events were lost" in text


def test_the_checks_of_several_pods_are_added_up() -> None:
    one = CapabilityCheck("uid-1/app", "nginx", "SETUID", "setuid", granted=2)
    other = CapabilityCheck("uid-2/app", "nginx", "SETUID", "setuid", granted=3, refused=1)
    usage = container_usage("app", ["SETUID", "KILL"], [one, other], [])
    assert usage.checks == (CapabilityCheck("app", "nginx", "SETUID", "setuid", granted=5, refused=1),)
    assert usage.never_used == ("KILL",)
    assert summed([]) == ()


def test_calls_that_a_profile_refuses_are_added_up_and_go_by_what_the_container_holds() -> None:
    made = [MadeCall("uid-1/app", "numa", "mbind", 2), MadeCall("uid-2/app", "numa", "mbind", 1)]
    (use,) = container_usage("app", ["CHOWN"], [], [], made).besides
    assert (use.right, use.call, use.count) == ("seccomp", "mbind", 3)
    assert container_usage("app", ["SYS_NICE"], [], [], made).besides == ()
