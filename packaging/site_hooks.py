"""Changes pages before mkdocs builds the site. `mkdocs.yml` names this file."""

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
    """README.md as the first page. Its links to pages and pictures, which are absolute for PyPI, become relative."""
    return readme.replace(_DOCS, "").replace(_RAW, "")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the first page, which docs/ does not have."""
    readme = Path(config.docs_dir).parent / "README.md"
    files.append(File.generated(config, "index.md", content=home(readme.read_text())))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Change a page so that it looks as on GitHub.

    Python's Markdown knows no fence of two words (the second word, `live`, is for the tests), and keeps the backslash
    of GitHub's `\\|` in the code of a table.
    """
    lines = _FENCE.sub("```console", markdown).split("\n")
    return "\n".join(_CODE.sub(_bare_pipes, line) if line.startswith("|") else line for line in lines)


def _bare_pipes(code: re.Match[str]) -> str:
    return code[0].replace("\\|", "|")
