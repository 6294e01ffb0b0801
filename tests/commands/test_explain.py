"""`explain`: words, masks, lines and logs; docs/checks.md is made of the same as the pages of the checks."""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from kubectl_caps.core.diagnosis.syscalls import BY_CALL
from kubectl_caps.core.linux.capabilities import CAPABILITIES, Capability
from kubectl_caps.core.podsecurity.checks.check import Check
from kubectl_caps.core.podsecurity.registry import CHECKS
from kubectl_caps.core.warnings.registry import IDS, RULES
from kubectl_caps.main import main
from kubectl_caps.report.manual import checks_markdown

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "checks.md"
SCHEMA = json.loads((DOCS / "explanation.schema.json").read_text())
TRACE = """\
[pid 7] chown("/data", 33, 33) = -1 EPERM (Operation not permitted)
[pid 7] write(2, "chown: Operation not permitted", 30) = 30
[pid 8] setuid(33) = -1 EPERM (Operation not permitted)
[pid 8] setuid(33) = -1 EPERM (Operation not permitted)
[pid 8] getrandom(0x7ffd, 8, 0) = -1 EPERM (Operation not permitted)
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `explain` with words and standard input: exit status, stdout, stderr."""

    def explain(*words: str, stdin: str | bytes = "") -> tuple[int, str, str]:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        status = main(["explain", *words])
        out, err = capsys.readouterr()
        return status, out, err

    return explain


def items(out: str) -> list[dict[str, Any]]:
    """The items of a JSON document, which follows the schema."""
    document = json.loads(out)
    jsonschema.validate(document, SCHEMA)
    found: list[dict[str, Any]] = document["items"]
    return found


def test_the_page_in_the_docs_is_made_of_the_docstrings() -> None:
    wanted = checks_markdown(CHECKS)
    if os.environ.get("UPDATE"):
        PAGE.write_text(wanted)
    assert PAGE.read_text() == wanted


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_every_check_is_explained_with_fields_values_and_examples(check: Check, run: Run) -> None:
    status, out, _ = run(check.id)
    assert status == 0
    assert f"{check.id}: " in out
    assert [heading for heading in ("Fields:", "Allowed:", "Passes:", "Fails:") if heading not in out] == []


@pytest.mark.parametrize("capability", CAPABILITIES, ids=lambda capability: capability.name)
def test_every_capability_is_explained_with_risk_and_number(capability: Capability, run: Run) -> None:
    status, out, _ = run(f"cap_{capability.name.lower()}")
    assert status == 0
    assert out.startswith(f"{capability.name}: {capability.allows}\n")
    assert f"Risk:          {capability.risk}: " in out
    assert f"Number:        {capability.number}, mask {1 << capability.number:016x}, since Linux" in out


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_warning_is_explained_with_a_correction(rule: Any, run: Run) -> None:
    status, out, _ = run(rule.id)
    assert status == 0
    assert f"{rule.id}: {rule.title}\n" in out
    assert "What to do:" in out


def test_every_system_call_is_explained(run: Run) -> None:
    answers = {word: run(word) for word in BY_CALL}
    assert [word for word, (status, out, _) in answers.items() if status or word not in out.lower()] == []


def test_the_page_of_a_capability_names_its_defaults_and_operations(run: Run) -> None:
    assert run("NET_RAW")[1].splitlines() == [
        "NET_RAW: use raw and packet sockets",
        "",
        "Risk:          high: spoofs ARP and DNS towards other pods of the node; reaches packet socket bugs",
        "Source:        CVE-2020-14386, CVE-2017-7308, CVE-2016-8655",
        "Number:        13, mask 0000000000002000, since Linux 2.2",
        "By default:    containerd, docker; not cri-o",
        "Pod Security:  may be added at privileged only",
        "",
        "Needed for:",
        "  opening a raw or packet socket: socket (SOCK_RAW, AF_PACKET)",
        "  setting marks, high priorities or transparent proxying; needs NET_ADMIN or NET_RAW: setsockopt (SO_MARK,",
        "    SO_PRIORITY, IP_TRANSPARENT)",
        "  binding to another interface, or raw IPv6 options: setsockopt (SO_BINDTODEVICE, IPV6_HOPOPTS)",
    ]


def test_the_page_of_a_system_call_names_its_capabilities(run: Run) -> None:
    assert run("clock_settime")[1].splitlines() == [
        "clock_settime: a system call",
        "",
        "  setting the clock of the node needs SYS_TIME, without it EPERM",
        "",
        "CAPABILITY   RISK     ALLOWS",
        "SYS_TIME     medium   set the system clock",
    ]


def test_a_mask_lists_the_names_and_risks_of_its_capabilities(run: Run) -> None:
    lines = run("CapEff:\t00000000000005fb")[1].splitlines()
    assert lines[0] == "00000000000005fb: 9 capabilities in the effective set, the default of cri-o"
    assert lines[2].split() == ["CAPABILITY", "RISK", "ALLOWS"]
    assert [line.split()[:2] for line in lines[3:5]] == [["CHOWN", "medium"], ["DAC_OVERRIDE", "medium"]]
    assert len(lines) == 3 + 9


def test_a_bit_without_a_known_name_is_shown(run: Run) -> None:
    status, out, _ = run("0x20000000000", "-o", "json")
    assert (status, [(item["capabilities"], item["risk"]) for item in items(out)]) == (0, [(["CAP_41"], "unknown")])


def test_an_empty_mask_says_so(run: Run) -> None:
    assert run("0x0")[:2] == (0, "0000000000000000: 0 capabilities\n")


def test_a_word_with_two_meanings_has_two_explanations(run: Run) -> None:
    out = run("kill")[1]
    assert out.startswith("KILL: signal processes of any user\n")
    assert "\n\nkill: a system call\n" in out


def test_a_line_in_quotes_is_explained(run: Run) -> None:
    line = "nginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)"
    status, out, _ = run(line)
    assert status == 0
    assert out.startswith("NET_BIND_SERVICE (certain, 1 line)\n")
    assert f"  line 1: {line}\n" in out
    assert out.endswith("To try: kubectl caps harden WORKLOAD -n NAMESPACE --add NET_BIND_SERVICE\n")


def test_a_cause_that_is_no_capability_has_another_next_command(run: Run) -> None:
    status, out, _ = run("Error: ImagePullBackOff")
    assert status == 0
    assert out.splitlines() == [
        "not a capability (certain, 1 line)",
        "  image: the image cannot be pulled",
        "  line 1: Error: ImagePullBackOff",
        "  to try: kubectl get events -n NAMESPACE --field-selector involvedObject.name=POD",
    ]


def test_explain_exits_1_for_a_line_without_a_meaning(run: Run) -> None:
    assert run("all is well") == (1, "", "no line has a known cause\n")


def test_explain_shows_a_line_of_unknown_cause_and_exits_1(run: Run) -> None:
    status, out, _ = run("app: Operation not permitted")
    assert status == 1
    assert out.startswith("unknown (possible, 1 line)\n")


def test_a_trace_on_standard_input_is_counted_by_capability(run: Run) -> None:
    status, out, err = run("-", stdin=TRACE)
    assert status == 0
    assert out.splitlines() == [
        "SETUID (certain, 2 lines)",
        "  becoming another user needs SETUID",
        "  line 3: [pid 8] setuid(33) = -1 EPERM (Operation not permitted)",
        "  also in 4",
        "",
        "CHOWN (likely, 1 line)",
        "  giving a file to another user, or to a group that one is not in needs CHOWN",
        '  line 1: [pid 7] chown("/data", 33, 33) = -1 EPERM (Operation not permitted)',
        "",
        "unknown (possible, 1 line)",
        "  getrandom: no capability is known for this; a seccomp profile also refuses calls so",
        "  line 5: [pid 8] getrandom(0x7ffd, 8, 0) = -1 EPERM (Operation not permitted)",
        "",
        "To try: kubectl caps harden WORKLOAD -n NAMESPACE --add SETUID,CHOWN",
    ]
    assert err == "5 lines read: 3 explained, 1 refused without a known reason\n"


def test_a_log_without_a_refusal_is_answered_with_no(run: Run) -> None:
    status, out, err = run("-", stdin="started\nlistening on :8080\n")
    assert (status, out) == (1, "")
    assert err.startswith("2 lines read: 0 explained, 0 refused without a known reason\n")


def test_bytes_that_are_no_text_and_an_endless_line_are_read(run: Run) -> None:
    status, _, err = run(
        "-", stdin=b"\xff\xfe\x00\x1b[31m" + b"x" * 3_000_000 + b"\nchown: /a: Operation not permitted"
    )
    assert status == 0
    assert "1 explained" in err


def test_control_characters_are_printed_as_escapes(run: Run) -> None:
    assert "\x1b" not in run("-", stdin="\x1b]0;x\x07chown: /a: Operation not permitted\n")[1]
    assert "\x1b" not in run("chown: \x1b[2J: Operation not permitted")[1]
    assert "\x1b" not in run("\x1b[2J")[2]


def test_an_interrupted_reading_shows_the_causes_so_far(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lines() -> Any:
        yield "setuid(33) = -1 EPERM (Operation not permitted)"
        raise KeyboardInterrupt

    monkeypatch.setattr("kubectl_caps.commands.explain._lines", lines)
    assert main(["explain", "-"]) == 130
    assert "SETUID (certain, 1 line)" in capsys.readouterr().out


def test_json_of_a_log(run: Run) -> None:
    status, out, _ = run("-", "-o", "json", stdin=TRACE)
    assert status == 0
    assert [(item["capabilities"], item["cause"], item["count"], item["lines"]) for item in items(out)] == [
        (["SETUID"], "capability", 2, [3, 4]),
        (["CHOWN"], "capability", 1, [1]),
        ([], "unknown", 1, [5]),
    ]
    assert items(out)[0]["next"] == "kubectl caps harden WORKLOAD -n NAMESPACE --add SETUID"
    assert json.loads(out)["summary"] == {"explanations": 3, "lines": 5, "unknown": 1}


def test_json_has_an_item_for_each_meaning_of_a_word(run: Run) -> None:
    (capability, call) = items(run("kill", "-o", "json")[1])
    assert (capability["kind"], capability["subject"], capability["risk"]) == ("capability", "KILL", "low")
    assert (call["kind"], call["capabilities"]) == ("call", ["KILL"])
    assert call["text"].startswith("kill: a system call\n")


def test_json_lists_alternative_capabilities(run: Run) -> None:
    line = "perf_event_open({type=1}, -1, 0, -1, 0) = -1 EACCES (Permission denied)"
    (item,) = items(run(line, "-o", "json")[1])
    assert (item["capabilities"], item["alternatives"]) == (["PERFMON"], [["PERFMON"], ["SYS_ADMIN"]])


def test_json_of_everything_and_yaml_are_the_same(run: Run) -> None:
    out = run("-o", "json")[1]
    assert len(items(out)) == len(CAPABILITIES) + len(CHECKS) + len(IDS)
    assert yaml.safe_load(run("-o", "yaml")[1]) == json.loads(out)


def test_explain_without_a_word_lists_all_words(run: Run) -> None:
    status, out, _ = run()
    assert status == 0
    named = {word for line in out.splitlines() for word in line.split()[:2]}
    assert {*(item.name for item in CAPABILITIES), *(check.id for check in CHECKS), *IDS} <= named


def test_an_unknown_word_is_refused_with_the_nearest_ones(run: Run) -> None:
    assert run("hostPort") == (2, "", 'error: unknown word "hostPort", did you mean hostPorts?\n')
    assert run("xyzzy") == (2, "", 'error: unknown word "xyzzy"; `explain` alone lists what there is\n')
    assert run("")[0] == 2


def test_an_unknown_output_is_refused(run: Run) -> None:
    status, out, err = run("KILL", "-o", "wide")
    assert (status, out) == (2, "")
    assert "allowed formats are: table, json, yaml" in err
