"""A public class, function or type has one name, and the name stands for nothing else in the package."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "kubectl_caps"
SAME_EVERYWHERE = {"main"}
"""What every command has: `kubectl_caps.main` calls it."""


def public_names(tree: ast.Module) -> Iterator[str]:
    """Classes, functions, and types as `Kind = Literal[...]`."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            yield from (name for name in names if not name.isupper() and name[:1].isupper())


def test_a_public_name_stands_for_one_thing() -> None:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in PACKAGE.rglob("*.py"):
        for name in public_names(ast.parse(path.read_text())):
            if not name.startswith("_") and len(name) > 1:  # one letter is a type variable
                found[name].append(str(path.relative_to(PACKAGE)))
    twice = {name: paths for name, paths in found.items() if len(paths) > 1 and name not in SAME_EVERYWHERE}
    assert twice == {}
