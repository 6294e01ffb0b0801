"""Each check against its table of minimal pods, in every version; and the table against the registry."""

import pytest
from pod_cases import MINORS, REASONS, Case, cases, rows

from kubectl_caps.core.kubernetes.field_path import field_path
from kubectl_caps.core.podsecurity.checks.check import Check, Finding
from kubectl_caps.core.podsecurity.registry import CHECKS

BY_ID = {check.id: check for check in CHECKS}


def found(check: Check, case: Case, minor: int) -> Finding | None:
    since = check.at(minor)
    return since.check(case.template) if since else None


@pytest.mark.parametrize(
    ("check", "case"), [pytest.param(check, case, id=f"{check}: {case.name}") for check, case in rows()]
)
def test_a_case_fails_in_its_versions_and_no_other(check: str, case: Case) -> None:
    refused = [minor for minor in MINORS if found(BY_ID[check], case, minor)]
    assert refused == list(case.failing)


@pytest.mark.parametrize(
    ("check", "case"), [pytest.param(check, case, id=f"{check}: {case.name}") for check, case in rows() if case.fails]
)
def test_a_failing_case_gives_the_servers_words_and_the_fields(check: str, case: Case) -> None:
    findings = [found(BY_ID[check], case, minor) for minor in case.failing]
    said = {
        (item.reason, item.detail, item.containers, tuple(map(field_path, item.fields))) for item in findings if item
    }
    reason = case.reason or REASONS[check]
    assert said == {(reason, case.detail, tuple(case.containers), tuple(case.fields))}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_every_revision_has_a_failing_and_a_passing_case(check: Check) -> None:
    starts = [since.minor for since in check.revisions]
    for start, end in zip(starts, [*starts[1:], len(MINORS)], strict=True):
        verdicts = {minor in case.failing for case in cases(check.id) for minor in range(start, end)}
        assert verdicts == {True, False}, f"{check.id} v1.{start}"


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_every_revision_changes_the_verdict_of_some_case(check: Check) -> None:
    changed = {
        since.minor: any((since.minor - 1 in case.failing) != (since.minor in case.failing) for case in cases(check.id))
        for since in check.revisions
        if since.minor > 0
    }
    assert [minor for minor, differs in changed.items() if not differs] == []
