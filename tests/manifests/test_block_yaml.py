"""Plain YAML is read line by line exactly as all of YAML is read, or not at all."""

from random import Random

import pytest
from fuzz.targets import stored
from manifest_writer import Writer
from test_kubectl_reads_the_same import REFUSED, SAME

from kubectl_caps.manifests.read import go_yaml
from kubectl_caps.manifests.read.block_yaml import read_block
from kubectl_caps.manifests.read.go_scalars import Repeated

INSIDE: dict[str, str] = {
    "keys and values": "a: b\nc:\n  d: e f\n  g: 1\n",
    "no final newline": "a: b",
    "words and numbers": "a: [yes, 0x1F, 1e3, null]\nb: yes\nc: 0o17\nd: 1_000\ne:\nf: ~\n",
    "lists": "a:\n- b\n- c: d\n  e: f\n-   g: h\n    i: j\nk:\n  - l:\n    - m\n  - n\n",
    "a list behind a list": "a:\n- b:\n  - c\n- d\ne: f\n",
    "quotes": "a: \"b # c: d\"\nc: 'd # e: f' # g\nd: ''\n",
    "brackets": "a: []\nb: {}\nc: [a, \"b, c\", 'd']\nd: {a: b, c: 1} # e\n",
    "literal blocks": "a: |\n  b\n\n    c: d # e\n\n\nf: |- # g\n    - h\ni:\n  - |\n   j\n  - k\n",
    "comments": "# a\n\n--- # b\n# c\na: b # c\n   # d\nc:\n# e\n  d: f\n  # g\n",
    "colons and number signs": "a: b:c#d\nurl: http://x/#y\nb: -c\nd: /bin/sh\n",
}
OUTSIDE: dict[str, str] = {
    "anchor": "a: &b c\n",
    "alias": "a: *b\n",
    "tag": "a: !!str 1\n",
    "merge key": "a:\n  <<: b\n",
    "merge word": "a: <<\n",
    "key in quotes": '"a": b\n',
    "key that is true": "on: b\n",
    "key that is a number": "1: b\n",
    "key in brackets that is true": "a: {yes: b}\n",
    "key that stands twice": "a: b\na: c\n",
    "key that stands twice in brackets": "a: {b: c, b: d}\n",
    "value of two lines": "a: b\n  c\n",
    "quotes of two lines": "a: 'b\n  c'\n",
    "value below a key": "a:\n  b\n",
    "folded block": "a: >\n  b\n",
    "block that keeps its line ends": "a: |+\n  b\n",
    "block without a text": "a: |\nb: c\n",
    "block that begins with an empty line": "a: |\n\n  b\n",
    "block without a final newline": "a: |\n  b",
    "block with blanks in an empty line": "a: |\n  b\n    \n",
    "escape": 'a: "b\\nc"\n',
    "quote in quotes": "a: 'it''s'\n",
    "brackets in brackets": "a: [[b]]\n",
    "colon in brackets": "a: [b:c]\n",
    "no brackets at the end": "a: [b\n",
    "two colons": "a: b: c\n",
    "colon at the end": "a: b:\n",
    "dash alone": "a:\n-\n",
    "dash for a value": "a: -\n",
    "list in a list": "a:\n- - b\n",
    "list in the wrong column": "a:\n  - b\n - c\n",
    "list beside keys": "a: b\n- c\n",
    "indented": "  a: b\n",
    "deeper": "a: b\n   c: d\n",
    "between": "a:\n    b: c\n  d: e\n",
    "tab": "a:\tb\n",
    "CRLF": "a: b\r\n",
    "not ASCII": "a: \u00e9\n",
    "control character": "a: b\x07\n",
    "directive": "%YAML 1.1\n---\na: b\n",
    "document end": "a: b\n...\n",
    "text": "hello\n",
    "list": "- a: b\n",
    "JSON": '{"a": "b"}',
    "nothing": "",
    "two separators": "---\n---\na: b\n",
    "only comments": "# a\n",
    "long line": f"a: {'b' * 2_000}\n",
    "depth": "".join(f"{' ' * at}a:\n" for at in range(200)),
}
WORDS = (
    "---\n", "- ", "-", ": ", ":", "&a ", "*a", "!!str ", "<<: *a\n", "{", "}", "[", "]", "\n", " ", "  ", "# c\n",
    " #", "|\n", "|-\n", ">-\n", '"', "'", "key: v\n", "- x\n", "- k: v\n", "null", "yes", "0x1F", "...\n", "%", "?",
    ",", "\\",
)  # fmt: skip


def is_read_the_same(text: str) -> bool:
    """Whether a text is read line by line; fails if it is read otherwise than by go_yaml."""
    found = read_block(text)
    if found is None:
        return False
    repeated: list[Repeated] = []
    [node] = go_yaml.nodes(text)
    assert repr(found.value) == repr(go_yaml.value(node, repeated)), text
    assert (found.line, repeated) == (node.start_mark.line, []), text
    return True


@pytest.mark.parametrize("name", INSIDE)
def test_plain_yaml_is_read_line_by_line(name: str) -> None:
    assert is_read_the_same(INSIDE[name])


@pytest.mark.parametrize("name", OUTSIDE)
def test_other_yaml_is_left_to_the_reader_of_all_yaml(name: str) -> None:
    assert read_block(OUTSIDE[name]) is None


def test_what_is_read_of_texts_that_kubectl_reads_and_refuses_is_the_same() -> None:
    texts = [text for text in (*SAME.values(), *REFUSED.values()) if isinstance(text, str)]
    texts += [*stored("reader", "corpus"), *stored("editor", "corpus")]
    for text in texts:
        is_read_the_same(text)


def test_what_is_read_of_changed_texts_is_the_same() -> None:
    chance = Random(1)
    texts = [*INSIDE.values()] * 10 + [*OUTSIDE.values(), *(Writer(Random(seed)).file() for seed in range(60))]
    assert sum(is_read_the_same(changed(chance.choice(texts), chance)) for _ in range(4_000)) > 500


def changed(text: str, chance: Random) -> str:
    for _ in range(chance.choice((1, 1, 2, 3))):
        at = chance.randrange(len(text) + 1)
        word = chance.choice(WORDS) if chance.random() < 0.7 else ""
        text = text[:at] + word + text[at + chance.choice((0, 0, 1, 2, 6)) :]
    return text


def test_values_are_not_shared() -> None:
    found = read_block("a: {b: c}\nd: {b: c}\ne: [f]\ng: [f]\n")
    again = read_block("a: {b: c}\n")
    assert found is not None
    assert again is not None
    found.value["a"]["b"] = found.value["e"][0] = "x"
    assert found.value == {"a": {"b": "x"}, "d": {"b": "c"}, "e": ["x"], "g": ["f"]}
    assert again.value == {"a": {"b": "c"}}
