"""What a namespace's labels mean: k8s.io/pod-security-admission api/helpers.go and admission.go."""

import pytest

from kubectl_caps.core.podsecurity.labels import looser, resolve, tightens
from kubectl_caps.core.podsecurity.policy import Policy, parse_policy

P = "pod-security.kubernetes.io/"


def resolved(**labels: str) -> dict[str, str]:
    """The policies that are not the default, of labels `enforce`, `enforce_version` and so on."""
    policies = resolve({P + name.replace("_", "-"): value for name, value in labels.items()})
    return {mode: str(policies.of(mode)) for mode in ("enforce", "audit", "warn") if policies.of(mode) != Policy()}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({}, {}),
        ({"enforce": "baseline"}, {"enforce": "baseline:latest", "warn": "baseline:latest"}),
        (
            {"enforce": "restricted", "enforce_version": "v1.25"},
            {"enforce": "restricted:v1.25", "warn": "restricted:v1.25"},
        ),
        (
            {"enforce": "restricted", "enforce_version": "v1.25", "warn_version": "v1.30"},
            {"enforce": "restricted:v1.25", "warn": "restricted:v1.30"},
        ),
        ({"enforce": "restricted", "warn": "baseline"}, {"enforce": "restricted:latest", "warn": "baseline:latest"}),
        ({"enforce": "restricted", "warn": "privileged"}, {"enforce": "restricted:latest"}),
        ({"enforce": "privileged"}, {}),
        ({"audit": "restricted"}, {"audit": "restricted:latest"}),
        ({"warn": "baseline", "warn_version": "v1.2"}, {"warn": "baseline:v1.2"}),
        ({"enforce_version": "v1.2"}, {"enforce": "privileged:v1.2"}),
        # Invalid labels: enforce fails closed and warns of nothing, the others fail open, a version is the latest.
        ({"enforce": "Baseline"}, {"enforce": "restricted:latest"}),
        ({"audit": "x", "warn": "x"}, {}),
        (
            {"enforce": "baseline", "enforce_version": "v1"},
            {"enforce": "baseline:latest", "warn": "baseline:latest"},
        ),
    ],
)
def test_labels_are_resolved_to_a_policy_for_each_mode(labels: dict[str, str], expected: dict[str, str]) -> None:
    assert resolved(**labels) == expected


def test_errors_are_in_the_servers_words_and_order() -> None:
    labels = {f"{P}warn-version": "1", f"{P}warn": "w", f"{P}enforce-version": "2", f"{P}enforce": "e", f"{P}audit": ""}
    level, version = "must be one of privileged, baseline, restricted", 'must be "latest" or "v1.x"'
    assert resolve(labels).errors == (
        f'metadata.labels[{P}enforce]: Invalid value: "e": {level}',
        f'metadata.labels[{P}enforce-version]: Invalid value: "2": {version}',
        f'metadata.labels[{P}audit]: Invalid value: "": {level}',
        f'metadata.labels[{P}warn]: Invalid value: "w": {level}',
        f'metadata.labels[{P}warn-version]: Invalid value: "1": {version}',
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("privileged", "baseline", True),
        ("baseline", "restricted", True),
        ("baseline:v1.2", "baseline:v1.3", True),
        ("baseline:v1.3", "baseline:v1.2", True),
        ("restricted:v1.20", "baseline:latest", True),
        ("restricted", "baseline", False),
        ("restricted", "restricted", False),
        ("restricted:v1.2", "privileged:v1.3", False),
    ],
)
def test_the_server_looks_at_the_pods_when_the_policy_differs_and_is_not_plainly_looser(
    old: str, new: str, expected: bool
) -> None:
    assert tightens(parse_policy(old), parse_policy(new)) is expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("restricted", "baseline", True),
        ("baseline", "restricted", False),
        ("baseline:v1.30", "baseline:v1.20", True),
        ("baseline:v1.20", "baseline", False),
        ("baseline", "baseline:v1.37", False),
        ("privileged:v1.3", "privileged:v1.2", False),
        ("restricted:v1.30", "baseline:v1.31", True),
    ],
)
def test_a_lower_level_or_an_older_version_is_looser(old: str, new: str, expected: bool) -> None:
    assert looser(parse_policy(old), parse_policy(new)) is expected
