"""Answers in argcomplete's protocol, for `eval "$(register-python-argcomplete kubectl-caps)"`.

The library's shell function runs the program with the line in COMP_LINE, and with `_ARGCOMPLETE` set to 1 (2 after
`python FILE`, 3 after `python -m MODULE`). The library splits the line into words, quotes the candidates and writes
them to file descriptor 8 (argcomplete/finders.py, `CompletionFinder.__call__`). The parser for the library has one
argument, which takes all words, so that `answer.py` alone chooses the candidates.
"""

import os
from argparse import REMAINDER, ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Mapping

from argcomplete.completers import DirectoriesCompleter, FilesCompleter
from argcomplete.finders import CompletionFinder

from kubectl_caps.commands.completion.answer import FILES, FOLDERS, reply_to

_PATHS: Mapping[int, Callable[[str], Iterable[str]]] = {FILES: FilesCompleter(), FOLDERS: DirectoriesCompleter()}
_NO_FLAGS = "\0"
"""The first character of a flag for the library's parser. No word has this character, so every word is an argument."""


def answer_argcomplete() -> None:
    """Write the candidates and end the process. The exit status is 1 if no shell function has set the environment."""
    parser = ArgumentParser(add_help=False, prefix_chars=_NO_FLAGS)
    words = parser.add_argument("words", nargs=REMAINDER)
    words.completer = _candidates  # type: ignore[attr-defined]
    try:
        CompletionFinder()(parser, always_complete_options=False, validator=lambda candidate, prefix: True)
    finally:  # an error message would appear in the line that the user types
        os._exit(1)


def _candidates(prefix: str, parsed_args: Namespace, **_: object) -> Mapping[str, str]:
    """The candidates as whole words of the line, with their descriptions.

    The variable is removed from the environment, because a credential plugin may use argcomplete, too. With the
    variable the plugin would complete a line and print no token.
    """
    os.environ.pop("_ARGCOMPLETE", None)
    reply = reply_to([*parsed_args.words, prefix])
    flag = prefix[: prefix.find("=") + 1] if prefix.startswith("--") else ""
    if reply.directive in _PATHS:
        return {flag + path: "" for path in _PATHS[reply.directive](prefix.removeprefix(flag))}
    return {flag + value: description for value, description in reply.candidates}
