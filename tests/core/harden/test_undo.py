"""A saved undo read back is the very patch that undoes the change; anything else is refused."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_plan import deployment, run

from kubectl_caps.core.harden.undo import checked, patch_of, saved
from kubectl_caps.core.harden.written_fields import others
from kubectl_caps.core.kubernetes.kinds import KINDS
from kubectl_caps.core.kubernetes.patch import Patch, between, rebased
from kubectl_caps.core.podsecurity.checks.app_armor_profile import PREFIX
from kubectl_caps.main import main

DEPLOYMENT = next(kind for kind in KINDS if kind.kind == "Deployment")

OLD: dict[str, Any] = {
    "metadata": {"uid": "u", "labels": {"1": "x"}},
    "spec": {"containers": [{"name": "a"}, {"name": "b", "securityContext": {"runAsUser": 1, "x/y~z": None}}]},
}
NEW: dict[str, Any] = {
    "metadata": {"uid": "u", "labels": {"1": "y"}},
    "spec": {"containers": [{"name": "a", "securityContext": {}}, {"name": "b", "securityContext": {"x/y~z": 2}}]},
}


def test_operations_are_read_back_as_the_patch_that_they_were_made_of() -> None:
    undo = between(OLD, NEW).inverse()
    assert patch_of(undo.json_patch()).json_patch() == undo.json_patch()
    restored = patch_of(undo.json_patch()).applied(NEW)
    assert restored == OLD


def item(**more: Any) -> dict[str, Any]:
    """An item of a Hardening document."""
    operations = between(OLD, NEW).inverse().json_patch()
    return {"apiVersion": "v1", "kind": "X", "namespace": "n", "name": "x", "undo": operations, "patch": [], **more}


def test_a_change_that_was_never_sent_is_not_undone() -> None:
    results = ("planned", "refused", "skipped", "unchanged", "rolledBack")
    items = [item(name=result, result=result) for result in results]
    assert [found.name for found in saved({"kind": "Hardening", "items": items})] == ["planned", "rolledBack"]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "Expected `object`"),
        ({"kind": "Inspection", "items": []}, "kind Inspection is not Hardening"),
        ({"kind": "Hardening", "items": [{"undo": []}]}, "apiVersion"),
    ],
)
def test_another_document_is_no_saved_undo(document: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        saved(document)


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ({"path": "/spec/x", "value": 1}, "op None"),
        ({"op": "move", "path": "/spec/x", "from": "/spec/y"}, "op 'move'"),
        ({"op": "remove"}, "path None"),
        ({"op": "remove", "path": "spec"}, "path 'spec'"),
        ({"op": "test", "path": 7}, "path 7"),
        ({"op": "replace", "path": "/spec/x"}, "without a value: replace /spec/x"),
    ],
)
def test_an_operation_that_harden_does_not_write_is_refused(operation: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        patch_of([{"op": "test", "path": "/spec/x", "value": None}, operation])


def test_a_change_without_a_test_is_refused() -> None:
    with pytest.raises(ValueError, match="without a test"):
        patch_of([{"op": "remove", "path": "/spec/x"}])


def hardened_undo() -> dict[str, Any]:
    """What --undo-to saves of a Deployment, as `harden` made it."""
    contexts = [None, {"runAsUser": 0, "procMount": "Unmasked", "capabilities": {"add": ["CHOWN"], "drop": ["KILL"]}}]
    obj = deployment(*contexts, securityContext={"seccompProfile": {"type": "Unconfined"}})
    template = obj["spec"]["template"]
    template["metadata"] = {"annotations": {f"{PREFIX}c0": "unconfined"}}
    patch = run(obj, profile="restricted", run_as_user=5, remove_adds=True).patch
    head = {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "n", "name": "x"}
    return {"kind": "Hardening", "items": [{**head, "undo": patch.inverse().json_patch(), "result": "patched"}]}


def read(document: Any) -> list[Patch]:
    """The patches of a document that may be applied. Raises ValueError."""
    return [checked(item, DEPLOYMENT) for item in saved(document)]


def test_an_undo_that_harden_saved_is_accepted() -> None:
    (patch,) = read(hardened_undo())
    assert patch.json_patch() == hardened_undo()["items"][0]["undo"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/spec/template/spec/containers/0/image", "evil"),
        ("/spec/template/spec/containers/0/command", ["sh"]),
        ("/spec/template/spec/containers/0/securityContext/privileged", True),
        ("/spec/template/spec/containers/0/securityContext", {"privileged": True}),
        ("/spec/template/spec/containers/0/securityContext/capabilities/add", "SYS_ADMIN"),
        ("/spec/template/spec/containers/0/securityContext/runAsUser", "0"),
        ("/spec/template/spec/containers/0/securityContext/seccompProfile/type", {"x": 1}),
        ("/spec/template/spec/containers/0", {"name": "c"}),
        ("/spec/template/spec/hostPID", True),
        ("/spec/template/spec/securityContext/sysctls", []),
        ("/spec/template/spec/serviceAccountName", "admin"),
        ("/spec/template/metadata/annotations/a", "b"),
        ("/spec/template/metadata/labels/a", "b"),
        ("/spec/replicas", 0),
        ("/metadata/annotations/a", "b"),
    ],
)
def test_a_field_that_harden_does_not_write_is_refused_by_name(path: str, value: Any) -> None:
    document = hardened_undo()
    document["items"][0]["undo"] += [
        {"op": "test", "path": path, "value": None},
        {"op": "add", "path": path, "value": value},
    ]
    with pytest.raises(ValueError, match=r"Deployment x: harden does not write (spec|metadata)"):
        read(document)


@pytest.mark.parametrize("word", ["name", "namespace"])
@pytest.mark.parametrize("value", ["", ".", "..", "a/b", "../x", "a%2fb"])
def test_an_invalid_namespace_or_name_is_refused(word: str, value: str) -> None:
    document = hardened_undo()
    document["items"][0][word] = value
    with pytest.raises(ValueError, match=f'invalid {word} "'):
        read(document)


def mutants(value: Any) -> Iterator[Any]:
    """The value with each of its nodes replaced by every type of JSON, and left out."""
    yield from (None, True, -1, 0.5, "", "x", [], [{}], {}, {"x": None}, ["x"])
    if isinstance(value, dict):
        for key, inner in value.items():
            yield {name: item for name, item in value.items() if name != key}
            yield from ({**value, key: mutant} for mutant in mutants(inner))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from ([*value[:at], mutant, *value[at + 1 :]] for mutant in mutants(inner))


def test_any_file_is_read_or_refused_with_an_error_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECTL_CAPS_TRACEBACK", "1")
    file, count = tmp_path / "undo", 0
    texts = [json.dumps(mutant).encode() for mutant in mutants(hardened_undo())]
    for text in [*texts, b"", b"{", b"\xff", b"[" * 100_000, b'{"kind": "\xff"}']:
        file.write_bytes(text)
        status = main(["harden", "--undo", str(file), "--kubeconfig", str(tmp_path / "none")])
        (line,) = capsys.readouterr().err.splitlines()
        assert (status, line.startswith("error: ")) == (2, True)
        count += "not a saved undo: " in line
    assert count > len(texts) / 2


def test_a_folder_is_no_saved_undo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["harden", "--undo", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"error: {tmp_path}: is a directory\n"


def test_an_accepted_undo_can_be_compared_with_any_object() -> None:
    other: dict[str, Any] = {"capabilities": {"add": ["X"]}}
    objects = [deployment(), deployment(None), deployment({}, None), deployment(other, {})]
    seen = 0
    for mutant in mutants(hardened_undo()):
        try:
            patches = read(mutant)
        except ValueError:
            continue
        for patch, obj in itertools.product(patches, objects):
            rest, _ = rebased(patch, obj)
            rest.applied(obj)
            seen += 1
    assert seen > 100


@given(
    st.fixed_dictionaries({}, optional={
        "privileged": st.booleans(), "allowPrivilegeEscalation": st.booleans(), "procMount": st.just("Unmasked"),
        "runAsUser": st.integers(0, 3), "runAsNonRoot": st.booleans(), "readOnlyRootFilesystem": st.booleans(),
        "seccompProfile": st.sampled_from([{"type": "Unconfined"}, {"type": "Localhost", "localhostProfile": "x"}]),
        "appArmorProfile": st.just({"type": "Unconfined"}),
        "capabilities": st.fixed_dictionaries({}, optional={"add": st.just(["CHOWN"]), "drop": st.just(["KILL"])}),
    }),
    st.booleans(),
    st.sampled_from(["none", "restricted"]),
    st.sampled_from([None, 7]),
)  # fmt: skip
def test_every_hardening_writes_only_the_fields_of_the_table(
    context: dict[str, Any], whole: bool, profile: str, user: int | None
) -> None:
    obj = deployment(context, None, securityContext={"runAsUser": 0} if whole else {})
    obj["spec"]["template"]["metadata"] = {
        "annotations": {f"{PREFIX}c0": "unconfined", **({} if whole else {"a": "b"})}
    }
    patch = run(obj, profile=profile, run_as_user=user, add=("CHOWN",), agreed=True).patch
    assert list(others(patch, DEPLOYMENT)) == list(others(patch.inverse(), DEPLOYMENT)) == []
