"""What mkdocs changes before it builds the site: `mkdocs.yml` names this file."""

import re
from pathlib import Path
from typing import Any

from krew_manifest import HOME
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

_DOCS = f"{HOME}/blob/main/docs/"
_RAW = f"{HOME.replace('github.com', 'raw.githubusercontent.com')}/main/docs/"
_FENCE = re.compile(r"^```console \w+$", re.MULTILINE)
_CODE = re.compile(r"`[^`\n]*`")


def home(readme: str) -> str:
    """README.md as the first page: its links to pages and pictures, absolute for PyPI, stay within the site."""
    return readme.replace(_DOCS, "").replace(_RAW, "")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The site has a first page, which docs/ has not."""
    readme = Path(config.docs_dir).parent / "README.md"
    files.append(File.generated(config, "index.md", content=home(readme.read_text())))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """A page as GitHub shows it.

    Python's Markdown knows no fence of two words (the second one, `live`, is for the tests), and keeps the backslash of
    GitHub's `\\|` in the code of a table.
    """
    lines = _FENCE.sub("```console", markdown).split("\n")
    return "\n".join(_CODE.sub(_bare_pipes, line) if line.startswith("|") else line for line in lines)


def _bare_pipes(code: re.Match[str]) -> str:
    return code[0].replace("\\|", "|")
