"""Broken checks: each module of a check with one small thing wrong in it, to see that a test notices.

A mutant differs from the original in one place: a constant, a comparison, `and`, `not`, a condition that is left out,
an item that is missing in a list. Docstrings and type annotations stay as they are.
"""

import ast
import copy
import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from msgspec import Struct

from kubectl_caps.core.podsecurity.checks.check import Check

_OPPOSITES: dict[type[ast.AST], type[ast.AST]] = {
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.LtE: ast.Lt,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


class Mutant(Struct):
    """A check with something wrong in it, and what and where that is."""

    description: str
    check: Check


def mutants(module: ModuleType) -> Iterator[Mutant]:
    """Every mutant of a check's module that can still be imported."""
    source = inspect.getsource(module)
    name = module.__name__.rpartition(".")[2]
    for path, node in list(_places(ast.parse(source), ())):
        for what, changed in _changes(node):
            broken = ast.parse(source)
            parent = _put(broken, path, changed)
            if check := _check(broken, module):
                yield Mutant(f"{name}.py:{getattr(parent, 'lineno', 0)}: {what}", check)


def _check(tree: ast.Module, module: ModuleType) -> Check | None:
    scope: dict[str, Any] = {"__name__": module.__name__}
    try:
        exec(compile(ast.fix_missing_locations(tree), module.__name__, "exec"), scope)
    except (ValueError, TypeError):
        return None
    check: Check = scope["CHECK"]
    return check


def _places(node: ast.AST, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns"):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else ((None, value),):
            if not isinstance(child, ast.AST) or isinstance(child, (ast.Import, ast.ImportFrom, ast.arg)):
                continue
            if _is_docstring(child):
                continue
            here = (*path, field) if index is None else (*path, field, index)
            yield here, child
            yield from _places(child, here)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _put(tree: ast.AST, path: tuple[str | int, ...], node: ast.AST) -> ast.AST:
    """Puts a node into the tree, and returns the node above it."""
    target: Any = tree
    above = tree
    for step in path[:-1]:
        target = target[step] if isinstance(step, int) else getattr(target, step)
        above = target if isinstance(target, ast.AST) else above
    if isinstance(path[-1], int):
        target[path[-1]] = node
    else:
        setattr(target, path[-1], node)
    return above


def _changes(node: Any) -> Iterator[tuple[str, ast.AST]]:
    if opposite := _OPPOSITES.get(type(node)):
        yield f"{type(node).__name__} -> {opposite.__name__}", opposite()
    if isinstance(node, ast.Constant):
        yield from _constants(node)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield f"without not: {ast.unparse(node)}", node.operand
    if isinstance(node, ast.IfExp):
        yield f"always {ast.unparse(node.body)}", node.body
        yield f"always {ast.unparse(node.orelse)}", node.orelse
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        yield f"without {ast.unparse(node.right)}", node.left
        yield f"without {ast.unparse(node.left)}", node.right
    if isinstance(node, ast.AugAssign):
        yield f"without {ast.unparse(node)}", ast.Pass()
    for field in ("elts", "ifs"):
        yield from _left_out(node, field)


def _constants(node: ast.Constant) -> Iterator[tuple[str, ast.AST]]:
    value = node.value
    if isinstance(value, bool):
        yield f"{value} -> {not value}", ast.Constant(not value)
    elif isinstance(value, int):
        yield f"{value} -> {value + 1}", ast.Constant(value + 1)
    elif isinstance(value, str):
        yield f"{value!r} -> {value + 'X'!r}", ast.Constant(value + "X")


def _left_out(node: Any, field: str) -> Iterator[tuple[str, ast.AST]]:
    items = getattr(node, field, [])
    for index, item in enumerate(items):
        if isinstance(item, ast.Starred) or not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            continue
        fewer = copy.deepcopy(node)
        del getattr(fewer, field)[index]
        yield f"without {ast.unparse(item)}", fewer
