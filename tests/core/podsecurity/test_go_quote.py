"""Go's strconv.Quote: what Go's own documentation and source say of it."""

import pytest

from kubectl_caps.core.podsecurity.checks.go_quote import go_quoted


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("", '""'),
        ("runtime/default", '"runtime/default"'),
        ('"Fran & Freddie\'s Diner\t☺"', r'''"\"Fran & Freddie's Diner\t☺\""'''),
        ("a\\b", r'"a\\b"'),
        ("\a\b\f\n\r\t\v", r'"\a\b\f\n\r\t\v"'),
        ("\x00\x1f\x7f", r'"\x00\x1f\x7f"'),
        ("é ü", '"é ü"'),
        ("\u00a0\u00ad\u200b\ufeff", r'"\u00a0\u00ad\u200b\ufeff"'),
        ("\u0085", r'"\u0085"'),
        ("😀\U000e0001", '"😀\\U000e0001"'),
        ("\ufffd", '"\ufffd"'),
    ],
)
def test_an_unprintable_character_is_escaped(text: str, quoted: str) -> None:
    assert go_quoted(text) == quoted
