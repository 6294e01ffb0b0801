"""Text from clusters and files reaches the terminal only as text."""

import pytest

from kubectl_caps.report.terminal import escaped, say, warn


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("deployment.apps/web", "deployment.apps/web"),
        ("漢字 é \U0001f600", "漢字 é \U0001f600"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31m", "\\x9b31m"),
        ("a\r\nb\tc\x00", "a\\r\\nb\\tc\\x00"),
        ("a\x7f\x85\u2028\u2029", "a\\x7f\\x85\\u2028\\u2029"),
        ("\u202eevil\u2066\u200f\ufeff", "\\u202eevil\\u2066\\u200f\\ufeff"),
        ("\udcff", "\\udcff"),
        ("\U000e0041", "\\U000e0041"),
    ],
    ids=ascii,
)
def test_control_characters_are_escaped(text: str, wanted: str) -> None:
    assert escaped(text) == wanted


def test_every_message_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\nerror: b\x1b[2J")
    assert capsys.readouterr() == ("", "a\\nerror: b\\x1b[2J\n")


def test_no_message_is_no_line_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    say()
    assert capsys.readouterr().err == ""


def test_a_warning_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("only here 1", "only here 2", "only here 1"):
        warn(text)
    assert capsys.readouterr().err == "Warning: only here 1\nWarning: only here 2\n"
