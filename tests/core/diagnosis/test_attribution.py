"""Which capability a container can miss: its user, and what a change took from it."""

import pytest

from kubectl_caps.core.diagnosis.attribution import Loss
from kubectl_caps.core.diagnosis.diagnose import diagnose
from kubectl_caps.core.diagnosis.line_cause import Evidence, LineCause

BIND, CHOWN = "bind() to 0.0.0.0:80 failed (13: Permission denied)", "chown: /data: Operation not permitted"
LIMIT = "setrlimit(RLIMIT_NOFILE, 9999999) failed (1: Operation not permitted)"
ROUTE = "RTNETLINK answers: Operation not permitted"
SUDO = 'sudo: The "no new privileges" flag is set, which prevents sudo from running as root.'
PING = "/bin/bash: line 1: /usr/bin/ping: Operation not permitted"
FILE = "cat: /data/x: Permission denied"


def only(line: str, uid: int | None = 0, loss: Loss | None = None) -> LineCause:
    (cause,) = diagnose([Evidence("log", line)], uid=uid, loss=loss)
    return cause


def lost(*capabilities: str, kept: str = "", settings: str = "") -> Loss:
    return Loss(frozenset(capabilities), frozenset(kept.split()), frozenset(settings.split()))  # type: ignore[arg-type]


def test_a_lost_capability_is_missing() -> None:
    assert only(CHOWN, loss=lost("CHOWN")).capabilities == ("CHOWN",)


@pytest.mark.parametrize("line", [LIMIT, ROUTE, CHOWN, BIND])
def test_a_capability_that_the_container_never_had_is_not_missing(line: str) -> None:
    cause = only(line, loss=lost("KILL"))
    assert (cause.capabilities, cause.kind, cause.certainty) == ((), "other", "possible")
    assert "before the change either" in cause.explanation


def test_a_kept_capability_is_not_missing() -> None:
    cause = only(ROUTE, loss=lost("CHOWN", kept="NET_ADMIN"))
    assert (cause.capabilities, cause.kind) == ((), "other")
    assert "the container has NET_ADMIN, so something else refuses this" in cause.explanation


def test_only_the_lost_capabilities_of_a_line_are_missing() -> None:
    line = 'error: failed switching to "redis": operation not permitted'
    assert only(line, loss=lost("SETGID", "SETUID")).capabilities == ("SETGID", "SETUID")
    assert only(line, loss=lost("SETUID", kept="SETGID")).capabilities == ("SETUID",)


@pytest.mark.parametrize(
    ("settings", "certainty"), [("allowPrivilegeEscalation", "certain"), ("", "possible"), ("runAsUser", "possible")]
)
def test_a_setting_is_certain_only_where_the_change_touched_it(settings: str, certainty: str) -> None:
    cause = only(SUDO, loss=lost("CHOWN", settings=settings))
    assert (cause.kind, cause.certainty) == ("setting", certainty)


@pytest.mark.parametrize(
    "loss", [None, lost("DAC_OVERRIDE"), lost("DAC_OVERRIDE", settings="allowPrivilegeEscalation")]
)
def test_a_shell_of_another_user_never_had_a_capability_for_files(loss: Loss | None) -> None:
    cause = only(FILE, 1000, loss)
    assert (cause.capabilities, cause.kind, cause.certainty) == ((), "other", "likely")


def test_another_user_loses_the_capabilities_that_escalation_gave() -> None:
    cause = only(BIND, 1000, lost("NET_BIND_SERVICE", settings="allowPrivilegeEscalation"))
    assert (cause.capabilities, cause.kind) == ((), "setting")
    assert "allowPrivilegeEscalation: false stops both" in cause.explanation
    assert only(BIND, 1000, lost("NET_BIND_SERVICE")).capabilities == ("NET_BIND_SERVICE",)


@pytest.mark.parametrize("line", [FILE, CHOWN, BIND])
def test_no_capability_is_missing_if_the_change_took_root_away(line: str) -> None:
    cause = only(line, 1000, lost("CHOWN", "DAC_OVERRIDE", "NET_BIND_SERVICE", settings="runAsUser"))
    assert (cause.capabilities, cause.kind) == ((), "setting")
    assert "root could do this before the change, and user 1000 cannot" in cause.explanation


def test_a_program_with_file_capabilities_does_not_start_for_any_user() -> None:
    loss = lost("NET_RAW", settings="allowPrivilegeEscalation")
    assert only(PING, 1000, loss).capabilities == only(PING, 0, loss).capabilities == ("NET_RAW",)


# What the end of a container says counts only where no line says more.


@pytest.mark.parametrize("status", [126, 127, 139])
def test_a_vague_exit_status_yields_to_a_line_with_a_cause(status: int) -> None:
    state = Evidence("state", f"container c exited with code {status}")
    said = diagnose([state, Evidence("log", "setpriv: setresuid failed: Operation not permitted")], uid=0)
    assert [cause.capabilities for cause in said] == [("SETUID",)]
    assert diagnose([state])[0].evidence_text == state.text


@pytest.mark.parametrize("what", ["Readiness probe failed: ", "Liveness probe errored and resulted in unknown state: "])
def test_the_answer_to_a_probe_is_read(what: str) -> None:
    answer = f"{what}ping: socket: Operation not permitted"
    (cause,) = diagnose([Evidence("event", answer)], uid=0)
    assert (cause.capabilities, cause.source, cause.evidence_text) == (("NET_RAW",), "event", answer)
    (cause,) = diagnose([Evidence("event", f"{what}cat: /x: No such file or directory")])
    assert cause.explanation.startswith("probe: ")
