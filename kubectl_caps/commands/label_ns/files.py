"""Runs `label-ns -f`: judges the workloads of the files, and edits the labels of their Namespaces."""

import json
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.cli.flags import program_name
from kubectl_caps.cli.label_ns import LabelNsArguments
from kubectl_caps.commands.harden.files import print_files
from kubectl_caps.commands.label_ns import output
from kubectl_caps.commands.shared.files import written
from kubectl_caps.commands.shared.manifests import Manifests, moved_from, read_manifests
from kubectl_caps.core.assess.coverage import Coverage
from kubectl_caps.core.kubernetes.field_path import Path, field_path
from kubectl_caps.core.kubernetes.patch import Patch
from kubectl_caps.core.kubernetes.pod import Pod, PodStatus
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.label.plan_labels import LabelOptions, plan_labels
from kubectl_caps.core.label.verdicts import (
    Labelling,
    LabelOutcome,
    Verdicts,
    judge,
    new_result,
    objections,
    other_modes,
    unseen,
)
from kubectl_caps.core.podsecurity.labels import PREFIX
from kubectl_caps.core.podsecurity.older_servers import older_server_sentences
from kubectl_caps.errors import CapsError, InputError, UsageError
from kubectl_caps.manifests.edit.edit import Edit, Edited, edited
from kubectl_caps.manifests.read.objects import ManifestObject
from kubectl_caps.manifests.read.paths import Moved
from kubectl_caps.manifests.read.positions import Positions
from kubectl_caps.manifests.read.text import SourceFile
from kubectl_caps.report.terminal import say


def label_files(arguments: LabelNsArguments) -> int:
    """Judge the Namespace documents, edit or print their labels as the flags say, and return the exit status."""
    manifests = read_manifests(arguments, "label-ns")
    errors = manifests.errors
    workloads = [_without_cluster_state(workload) for item in manifests.found for workload in item.workloads]
    every = [item for item in manifests.documents if _is_namespace(item)]
    namespaces, wrong = _readable(every)
    misnamed: list[CapsError] = []
    names = output.named(arguments.names, misnamed)
    chosen = [item for item in namespaces if not arguments.names or item.object["metadata"]["name"] in names]
    if not every and not errors:
        errors.append(InputError("nothing to judge: the files hold no Namespace"))
    options = LabelOptions(
        requests=arguments.requests, minor=arguments.minor, overwrite=arguments.overwrite, force=arguments.force
    )
    only = len({str(item.object["metadata"]["name"]) for item in every}) == 1
    files = _Files(workloads, tuple(errors), only, moved_from(manifests.found))
    labelled = [_label(item, files, options) for item in chosen]
    errors += [*wrong, *misnamed]
    for name in set(names) - {str(item.object["metadata"]["name"]) for item in every}:
        errors.append(UsageError(f'namespaces "{name}" not found in the files'))
    texts = _texts(labelled, errors)
    changed = [(source, made.text) for source, made in texts if made.text != source.text]
    if arguments.write:
        for source, text in changed:
            _write(source, text, labelled, errors)
    results = [one.item for one in labelled]
    for error in errors:
        say(str(error))
    coverage = _coverage(manifests, len(every), chosen)
    if arguments.write or arguments.check or arguments.output != "table":
        output.print_labelling(results, errors, arguments, " (check)" if arguments.check else "", coverage)
    else:
        print_files(texts, as_diff=arguments.diff)
        for item in results:
            _say(item)
    say(coverage.line)
    result = output.status(results, errors)
    return result or int(bool(arguments.check and changed))


class _Files(Struct, frozen=True):
    """The content of the files.

    `only` says that the files have a single Namespace. Then objects without a namespace belong to this Namespace.
    `moved` are the kustomizations that would set a namespace, with the namespaces that their objects name.
    """

    workloads: Sequence[Workload]
    errors: Sequence[CapsError]
    only: bool
    moved: Mapping[Moved, Set[str]]


class _Labelled(Struct, frozen=True):
    """A Namespace document, its result, and the change of its labels."""

    document: ManifestObject
    item: Labelling
    patch: Patch


def _coverage(files: Manifests, namespaces: int, chosen: Sequence[ManifestObject]) -> Coverage:
    """The counts behind the verdicts. The objects of namespaces without a verdict count as passed over."""
    names = {"", *(document.object["metadata"]["name"] for document in chosen)} if chosen else set()
    judged = sum(any(workload.namespace in names for workload in item.workloads) for item in files.found)
    others = len(files.found) - judged
    return replace(files.coverage, judged=judged, passed_over=files.coverage.passed_over + others - namespaces)


def _without_cluster_state(workload: Workload) -> Workload:
    """The workload without uid, status and deletion timestamp, which a manifest from a cluster may have."""
    metadata = replace(workload.metadata, uid=None, deletion_timestamp=None)
    template = workload.template
    new = replace(template, status=PodStatus()) if isinstance(template, Pod) else template
    return replace(workload, metadata=metadata, template=new)


def _is_namespace(document: ManifestObject) -> bool:
    obj = document.object
    return (obj["apiVersion"], obj["kind"]) == ("v1", "Namespace") and bool((obj.get("metadata") or {}).get("name"))


def _readable(documents: Sequence[ManifestObject]) -> tuple[list[ManifestObject], list[CapsError]]:
    """The Namespaces whose name and labels have the right types, and the errors of the other ones."""
    good: list[ManifestObject] = []
    errors: list[CapsError] = []
    for document in documents:
        problem = next(_problems(document.object["metadata"]), None)
        if problem is None:
            good.append(document)
            continue
        path, words = problem
        line = Positions(document.file).of(document, ("metadata", *path)).line
        where = f"{document.file.name}:{line}: Namespace {document.object['metadata']['name']}"
        errors.append(InputError(f"{where}: {field_path(('metadata', *path))}: {words}"))
    return good, errors


def _problems(metadata: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """The paths of fields with a wrong type, with a message. A Pod Security label must not be null.

    kubectl treats a null label as an empty one.
    """
    if not isinstance(metadata["name"], str):
        yield ("name",), _expected("string", metadata["name"])
    labels = metadata.get("labels") or {}
    if not isinstance(labels, dict):
        yield ("labels",), _expected("mapping", labels)
        return
    for key, value in labels.items():
        if not isinstance(value, str) and (value is not None or key.startswith(PREFIX)):
            yield ("labels", key), _expected("string", value)


def _expected(kind: str, value: Any) -> str:
    return f"expected {kind}, got {json.dumps(value)}"


def _label(document: ManifestObject, files: _Files, arguments: LabelOptions) -> _Labelled:
    """The verdict on one Namespace document. Unreadable files are not judged, because they may have its workloads."""
    name = document.object["metadata"]["name"]
    plan = plan_labels(document.object, arguments.requests, overwrite=arguments.overwrite, force=arguments.force)
    item = new_result(name, document.object["metadata"].get("labels") or {}, plan, arguments)
    inside = [workload for workload in files.workloads if workload.namespace in ((name, "") if files.only else (name,))]
    homeless = [workload for workload in files.workloads if not workload.namespace]
    verdicts = Verdicts(item.policy, arguments.minor)
    item.judged = judge(inside, verdicts)
    item.not_judged += tuple(unseen(inside, item.policy))
    item.notes += tuple(other_modes(item, plan, arguments, inside, verdicts))
    if arguments.minor is None:
        item.notes += tuple(older_server_sentences(inside if files.only else [*inside, *homeless], item.policy))
    if item.policy.level != "privileged":
        item.not_judged += tuple(error.words for error in files.errors)
        if not inside and not homeless:
            item.not_judged += ("nothing to judge: the files hold no object in it that runs pods",)
        item.not_judged += tuple(
            f"{moved.words}; judge that: {program_name()} label-ns {moved.flag}"
            for moved, own in files.moved.items()
            if own & {name, ""} or moved.namespace == name
        )
    if homeless and files.only:
        item.notes += (f"objects that name no namespace ({len(homeless)}) are judged as if they were in it",)
    else:
        strays = judge(homeless, verdicts)
        why = "names no namespace; this namespace would refuse it"
        item.not_judged += tuple(f"{one.workload.reference} {why}" for one in strays)
        item.not_judged += tuple(unseen(homeless, item.policy))
    refusals = [*plan.refusals, *objections(item, force=arguments.force)]
    if refusals:
        item.result, item.message = "refused", "; ".join(refusals)
    elif not plan.patch.changes:
        item.result = "unchanged"
    return _Labelled(document, item, plan.patch)


def _texts(labelled: Sequence[_Labelled], errors: list[CapsError]) -> list[tuple[SourceFile, Edited]]:
    """Every file with a Namespace, with the edited labels.

    A document that cannot be edited gets the result `failed`.
    """
    files = []
    for source in dict.fromkeys(one.document.file for one in labelled):
        own = [one for one in labelled if one.document.file is source and one.item.result == "planned"]
        result = edited(source, [Edit(one.document, one.patch) for one in own])
        for at, error in sorted(result.refused.items()):
            errors.append(error)
            own[at].item.result, own[at].item.message = "failed", error.words
        files.append((source, result))
    return files


def _write(source: SourceFile, text: str, labelled: Sequence[_Labelled], errors: list[CapsError]) -> None:
    message = written(source, text, errors)
    result: LabelOutcome = "failed" if message else "labeled"
    for one in labelled:
        if one.document.file is source and one.item.result == "planned":
            one.item.result, one.item.message = result, message


def _say(item: Labelling) -> None:
    from kubectl_caps.report import labelling as report

    for line in report.verdict(item, program_name()):
        say(line)
    if item.result in ("refused", "failed"):
        say(report.labelling_line(item, ""))
