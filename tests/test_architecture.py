"""docs/architecture.md draws the imports as they are; `UPDATE=1 pytest` draws them anew."""

import ast
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from functools import cache
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- begin: UPDATE=1 pytest tests/test_architecture.py -->\n", "<!-- end -->\n"

Graph = Mapping[str, Set[str]]


@cache
def imports() -> Graph:
    """Each module of the package and the modules that it imports; packages themselves hold no code."""
    graph = grimp.build_graph("kubectl_caps", cache_dir=None)
    packages = {name for name in graph.modules if graph.find_children(name)}
    return {name: graph.find_modules_directly_imported_by(name) - packages for name in graph.modules - packages}


def folder(module: str) -> str:
    """`core/linux` of `kubectl_caps.core.linux.sets`; a module of the top level is its own folder."""
    steps = module.split(".")[1:]
    return "/".join(steps[:-1]) or steps[0]


def folders() -> Graph:
    """Each folder and the folders that its files import."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for module, imported in imports().items():
        found[folder(module)] |= {folder(one) for one in imported} - {folder(module)}
    return found


def levels(graph: Graph) -> list[list[str]]:
    """The folders from top to bottom: each stands above all that it imports. Fails for a circle."""
    left, found = dict(graph), list[list[str]]()
    while left:
        lowest = sorted(name for name in left if not graph[name] & left.keys())
        assert lowest, f"these folders import each other: {sorted(left)}"
        found.insert(0, lowest)
        for name in lowest:
            del left[name]
    return found


def first_line(name: str) -> str:
    """The first line of the docstring of a folder, or of a module of the top level."""
    path = ROOT / "kubectl_caps" / name
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]


def near(name: str, imported: str) -> str:
    """An imported folder as the table names it: whole beside the importing one, else by its first step."""
    top = imported.split("/")[0]
    return imported if top == name.split("/")[0] else top


def drawing() -> Iterator[str]:
    graph = folders()
    rows = levels(graph)
    yield "```\n"
    for row in rows:
        yield f"{'   '.join(row)}\n"
    yield "```\n\n| folder | contents | imports |\n|---|---|---|\n"
    for name in (name for row in rows for name in row if name != "__main__"):
        below = ", ".join(sorted({near(name, one) for one in graph[name] - {"errors"}})) or "-"
        yield f"| `{name}` | {first_line(name)} | {below} |\n"


def test_the_page_draws_the_imports() -> None:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    page = f"{before}{BEGIN}{''.join(drawing())}{END}{rest.partition(END)[2]}"
    if os.environ.get("UPDATE"):
        PAGE.write_text(page)
    assert PAGE.read_text() == page


def test_every_folder_has_a_sentence() -> None:
    silent = [name for name in folders() if name != "__main__" and not first_line(name).endswith(".")]
    assert silent == []
