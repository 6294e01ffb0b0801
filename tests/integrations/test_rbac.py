"""docs/rbac.md says of the rights what the files of integrations/rbac say; `UPDATE=1 pytest` writes its table anew."""

import os
from collections.abc import Iterator
from itertools import groupby

from rbac import FILES, GOES_ON, PAGE, RoleRight, goes_on, rights_of, rows

HEAD = "| ClusterRole | resource | verbs | without |\n|---|---|---|---|\n"


def table() -> Iterator[str]:
    """The second table of the page: a line for each resource and outcome."""
    rights = [right for file in FILES for right in rights_of(file.stem)]

    def line(right: RoleRight) -> tuple[str, str, bool]:
        return right.role, right.kind, goes_on(right)

    for (role, kind, said), found in groupby(rights, line):
        verbs = ", ".join(right.verb for right in found)
        yield f"| {role} | {kind} | {verbs} | {'goes on' if said else 'status 2'} |\n"


def test_the_table_of_the_rights_is_made_from_the_files() -> None:
    before, head, _ = PAGE.read_text().partition(HEAD)
    wanted = f"{before}{head}{''.join(table())}"
    if os.environ.get("UPDATE"):
        PAGE.write_text(wanted)
    assert PAGE.read_text() == wanted


def test_each_file_is_named_by_a_command_and_each_command_names_files_that_exist() -> None:
    assert {name for row in rows() for name in row.files} == {file.stem for file in FILES}


def test_the_rights_without_which_a_command_goes_on_are_rights_of_the_files() -> None:
    known = {(right.role, f"{right.verb} {right.resource}") for file in FILES for right in rights_of(file.stem)}
    assert {(role, words) for role, found in GOES_ON.items() for words in found} <= known


def test_no_role_allows_everything_of_anything() -> None:
    assert not [right for file in FILES for right in rights_of(file.stem) if "*" in (right.verb, right.kind)]
