"""Joins several files into one stream that kubectl can read from standard input."""

import re
from collections.abc import Iterator, Sequence

from kubectl_caps.manifests.read.text import pieces

_DIRECTIVES = re.compile(r"\A(?:[ \t]*(?:#[^\n]*)?\n|%[^\n]*\n)*(?=---)")
_ESCAPE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\.")

_CONTROL = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def stream(texts: Sequence[str]) -> Iterator[str]:
    """The parts of the stream, in the order of the texts. A single text stays as it is.

    kubectl decides by the start of a stream whether it is JSON or YAML (k8s.io/apimachinery pkg/util/yaml
    GuessJSONStream). If all texts are JSON, the stream is JSON values. Otherwise each JSON value becomes a YAML
    document after `---`.
    """
    if len(texts) == 1 or all(map(_is_json, texts)):
        yield from map(_ended, texts)
        return
    for at, text in enumerate(texts):
        if _is_json(text):
            yield from (f"---\n{_ended(_as_yaml(piece.text).strip())}" for piece in pieces(text))
        else:
            document = _ended(_DIRECTIVES.sub(_without_directives, text))
            yield document if not at or document.startswith("---") else f"---\n{document}"


def _is_json(text: str) -> bool:
    """Whether a text has only JSON objects, without comments."""
    return text.lstrip()[:1] == "{" and all(piece.text.lstrip()[:1] == "{" for piece in pieces(text))


def _ended(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"


def _without_directives(found: re.Match[str]) -> str:
    """The lines before a document without directives such as `%YAML`, which kubectl would read as another document."""
    return "".join(line for line in found[0].splitlines(keepends=True) if not line.startswith("%"))


def _as_yaml(text: str) -> str:
    r"""JSON as YAML of the same value: tabs, escaped surrogates, `\/` and control characters are replaced."""
    text = _ESCAPE.sub(_character, text.replace("\t", "  "))
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _character(found: re.Match[str]) -> str:
    escape = found[0]
    if len(escape) == len("\\n"):
        return "/" if escape == r"\/" else escape
    if len(escape) == len("\\ud800"):
        return "\\ufffd"
    high, low = int(escape[2:6], 16), int(escape[8:12], 16)
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
