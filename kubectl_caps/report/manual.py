"""The manual of a Pod Security check, as `explain` prints it and docs/checks.md has it; the addresses of docs/."""

from collections.abc import Iterator, Sequence

from kubectl_caps.core.podsecurity.checks.check import Check
from kubectl_caps.core.podsecurity.registry import MODULES

HOME = "https://github.com/kubectl-caps/kubectl-caps"
"""The project's page, for links in reports."""

_HEAD = """\
# Pod Security checks

`kubectl caps` judges workloads by these checks of the Pod Security Standards, as the API server does.
`kubectl caps explain CHECK` prints the same. This page is made from the checks' docstrings and compared in CI.

```console
$ kubectl caps explain
$ kubectl caps explain capabilities_restricted
```
"""


def docs(page: str, heading: str = "") -> str:
    """The address of a page of docs/, or of a heading on the page. GitHub makes an anchor of each heading."""
    return f"{HOME}/blob/main/docs/{page}{f'#{heading.lower()}' if heading else ''}"


def check_page(check: Check) -> Iterator[str]:
    """The lines of one check's manual: title, level and versions, then its docstring's sections."""
    title, *sections = _sections(check)
    yield f"{check.id}: {title[0]}"
    yield ""
    yield f"Level: {check.level}, {_versions(check)}"
    for section in sections:
        yield ""
        yield from section


def checks_markdown(checks: Sequence[Check]) -> str:
    """The page of all checks for the docs."""
    return _HEAD + "".join(f"\n{text}" for check in checks for text in _markdown(check))


def _markdown(check: Check) -> Iterator[str]:
    yield f"## {check.id}\n"
    yield from check_section(check)


def check_section(check: Check) -> Iterator[str]:
    """The section of one check in Markdown, without its heading."""
    title, *sections = _sections(check)
    yield f"{title[0]} Level {check.level}, {_versions(check)}.\n"
    for heading, *lines in sections:
        language = "yaml" if heading in ("Passes:", "Fails:") else "text"
        body = "\n".join(line.removeprefix("    ") for line in lines)
        yield f"{heading}\n\n```{language}\n{body}\n```\n"


def _sections(check: Check) -> list[list[str]]:
    manual = next(module.__doc__ or "" for module in MODULES if module.CHECK is check)
    return [part.splitlines() for part in manual.strip().split("\n\n")]


def _versions(check: Check) -> str:
    first, *later = (f"v1.{since.minor}" for since in check.revisions)
    changed = f", changed in {', '.join(later)}" if later else ""
    overridden = dict.fromkeys(name for since in check.revisions for name in since.overrides)
    instead = f", in place of {', '.join(overridden)}" if overridden else ""
    return f"since {first}{changed}{instead}"
