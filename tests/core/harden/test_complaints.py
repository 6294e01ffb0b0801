"""Which lines of a log are complaints, and which lines of two pods say the same."""

import pytest

from kubectl_caps.core.diagnosis.attribution import Loss
from kubectl_caps.core.harden.complaints import Line, complaints, doubts, wording
from kubectl_caps.core.linux.capabilities import BY_NAME


def found(*texts: str) -> list[str]:
    """The complaints among lines of one container that runs as root."""
    return [item.line.text for item in complaints([Line("web-1", "c", text) for text in texts], {"c": 0}, {})]


@pytest.mark.parametrize(
    "text",
    [
        "PermissionError: [Errno 1] Operation not permitted: '/data/x'",
        'level=error msg="set clock" err="operation not permitted"',
        "Error: EACCES: permission denied, open '/var/run/app.sock'",
        "java.nio.file.AccessDeniedException: /data: Permission denied",
        "2026/01/01 00:00:00 [alert] 1#1: worker process 7 exited with fatal code 2 and cannot be respawned",
        "2026/01/01 00:00:00 [alert] 1#1: worker process 12 exited on signal 31",
        "2026-01-01 00:00:00,000 INFO gave up: app entered FATAL state, too many start retries too quickly",
        "INFO exited: app (exit status 1; not expected)",
        "child process 12 exited with status 1",
        "subprocess died unexpectedly",
        "worker 3 was terminated by signal 9",
        'WARN helper is gone, starting another err="exit status 1"',
        "next agent in 2 s: Command '['/bin/su', 'mail']' returned non-zero exit status 71.",
        "[cluster] lamp 2 went out (4), lighting the next one",
        "App [api] exited with code [1] via signal [SIGINT]",
        "cave : le casier reste à root (opération non permise)",
        "ermita: la celda no se cierra: Operaci\ufffdn no permitida",
        "nightwatch WARN round=1 left_open=1 cause=PermissionError",
        "Err(PermissionDenied)",
        "Exception in thread main java.nio.file.AccessDeniedException: /srv/others/secret",
        "System.UnauthorizedAccessException: nothing more is said",
    ],
)
def test_a_refusal_and_the_bad_end_of_a_child_are_complaints(text: str) -> None:
    assert found(text) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "worker process 7 exited with code 0",
        "child process 12 exited with status 0",
        "INFO success: app entered RUNNING state",
        "listening on :8080",
        "ERROR:  permission denied for table users",
        "the worker signalled that it is ready",
        "helper exited with exit code 0, starting another",
        "0 errors, 0 warnings",
        "config error=null warn=false",
        "GET /errors/404.html 200",
    ],
)
def test_lines_without_a_refusal_are_no_complaints(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "janitor: WARNING: could not change the mode of /srv/others/open",
        "strongroom: could not lock the key store in memory: Cannot allocate memory",
        "[ALERT]    (30) : [haproxy.main()] Cannot set gid 112.",
        "creating IPv4 interface lo failed; interface ignored",
        "rsyslogd: imudp: Could not create udp listener, ignoring port 514 bind-address (null). [v8.2302.0]",
        "setuid failed",
        "failed to listen on port 80, HTTP is off",
        "dnsmasq: process is missing required capability NET_RAW",
    ],
)
def test_a_failure_for_want_of_a_capability_is_a_complaint_without_the_kernels_reason(text: str) -> None:
    (complaint,) = complaints([Line("web-1", "c", text)], {"c": 0}, {})
    assert not complaint.is_doubtful


@pytest.mark.parametrize(
    ("text", "doubtful"),
    [
        ("ts=0 lvl=warn event=confine_incomplete", True),
        ("W1128 12:00:00.000000       1 main.go:7] going on with less", True),
        ('{"level":40,"time":1,"msg":"still in group root"}', True),
        ("could not parse the greeting of the peer", True),
        ("failed to listen on port 80: address already in use", True),
        ("could not change the owner of the account: no such user", True),
        ("could not change the owner of /srv/mail", False),
    ],
)
def test_an_unclear_failure_or_warning_is_doubtful(text: str, doubtful: bool) -> None:
    loss = Loss(frozenset(BY_NAME))
    assert [item.is_doubtful for item in complaints([Line("p", "c", text)], {"c": 0}, {"c": loss})] == [doubtful]


def test_a_failure_for_which_the_container_still_has_the_capability_is_doubtful_only() -> None:
    text, loss = "could not change the owner of /srv/mail", Loss(frozenset({"KILL"}), frozenset({"CHOWN"}))
    (complaint,) = complaints([Line("p", "c", text)], {"c": 0}, {"c": loss})
    assert complaint.is_doubtful


def test_doubts_are_counted_and_the_first_three_printed() -> None:
    found = list(complaints([Line("p", "c", f"WARNING {word}") for word in "abcde"], {"c": 0}, {}))
    told = doubts(found)
    assert told
    assert "(5): container c: WARNING a; container c: WARNING b; container c: WARNING c; and 2 more" in told
    assert doubts([]) is None


def test_a_wording_counts_once_however_often_a_container_logs_it() -> None:
    assert len(found(*(f"{at} chown /data/{at}: Operation not permitted" for at in range(100)))) == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("12:00:01 [7] chown: Operation not permitted", "12:00:09 [8] chown: Operation not permitted", True),
        ("\x1b[31mERROR\x1b[0m chown: Operation not permitted", "ERROR chown:  operation not permitted", True),
        ("req 5f0c9a7be1d24c01: Operation not permitted", "req 00aa9a7be1d24cff: Operation not permitted", True),
        ("web-1 chown: Operation not permitted", "web-2 chown: Operation not permitted", True),
        ("chown: Operation not permitted", "chmod: Operation not permitted", False),
    ],
)  # fmt: skip
def test_lines_are_the_same_where_only_numbers_ids_and_the_names_of_the_pods_differ(
    one: str, other: str, same: bool
) -> None:
    assert (wording(Line("web-1", "c", one)) == wording(Line("web-2", "c", other))) is same


def test_equal_words_of_another_container_are_another_complaint() -> None:
    assert wording(Line("p", "a", "EPERM")) != wording(Line("p", "b", "EPERM"))


CAPSH = "missing capability CAP_NET_ADMIN: Operation not permitted"


def test_a_line_that_names_a_capability_beyond_doubt_is_certain() -> None:
    (complaint,) = complaints([Line("p", "c", CAPSH)], {"c": 0}, {})
    assert complaint.capabilities == ("NET_ADMIN",)


@pytest.mark.parametrize(
    ("loss", "count"),
    [
        pytest.param(Loss(frozenset({"NET_ADMIN"})), 1, id="the change took it"),
        pytest.param(Loss(frozenset({"CHOWN"}), frozenset({"NET_ADMIN"})), 0, id="the container keeps it"),
        pytest.param(Loss(frozenset({"CHOWN"})), 0, id="the container never had it"),
        pytest.param(
            Loss(frozenset({"CHOWN"}), frozenset(), frozenset({"seccompProfile"})), 1, id="it took something else"
        ),
    ],
)
def test_a_line_about_a_capability_that_the_change_left_as_it_was_is_no_complaint(loss: Loss, count: int) -> None:
    assert len(list(complaints([Line("p", "c", CAPSH)], {"c": 0}, {"c": loss}))) == count
