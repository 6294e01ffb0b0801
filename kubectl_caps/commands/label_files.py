"""Namespaces in files: labels edited in the text, judged against the workloads of the same files."""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.commands import label_ns
from kubectl_caps.commands import options as read
from kubectl_caps.commands.files import no_selector, written
from kubectl_caps.commands.given import given
from kubectl_caps.commands.harden_files import show
from kubectl_caps.core.labelling import (
    Asked,
    Labelling,
    LabelWish,
    Result,
    Verdicts,
    beside,
    judge,
    objections,
    plan_labels,
    start,
)
from kubectl_caps.core.patch import Patch
from kubectl_caps.core.pod import Path, Pod, PodStatus, field_path
from kubectl_caps.core.podsecurity.labels import PREFIX
from kubectl_caps.core.workloads import Workload
from kubectl_caps.errors import CapsError, InputError, UsageError
from kubectl_caps.manifests.edit import Edit, edited
from kubectl_caps.manifests.positions import Positions
from kubectl_caps.manifests.read import Document
from kubectl_caps.manifests.source import SourceFile
from kubectl_caps.report.terminal import say


def label_files(options: argparse.Namespace, wishes: tuple[LabelWish, ...]) -> int:
    """Judge the Namespace documents and label them in the text as the flags say; returns the exit status."""
    no_selector(options.selector)
    read.file_flags(options)
    if options.all or options.plan or options.dry_run != "none" or "--field-manager" in options.flags:
        raise UsageError("--all, --plan, --dry-run and --field-manager have no meaning with -f")
    documents, found, errors = given(options, "label-ns")
    workloads = [_apart(workload) for item in found for workload in item.workloads]
    every = [item for item in documents if _is_namespace(item)]
    namespaces, wrong = _readable(every)
    misnamed: list[CapsError] = []
    names = label_ns.named(options.names, misnamed)
    chosen = [item for item in namespaces if not options.names or item.object["metadata"]["name"] in names]
    if not every and not errors:
        say("No namespaces found: the files hold no Namespace whose labels could be judged")
    asked = Asked(wishes=wishes, overwrite=options.overwrite, force=options.force)
    only = len({str(item.object["metadata"]["name"]) for item in every}) == 1
    labelled = [_label(item, _Files(workloads, tuple(errors), only), asked) for item in chosen]
    errors += [*wrong, *misnamed]
    for name in set(names) - {str(item.object["metadata"]["name"]) for item in every}:
        errors.append(UsageError(f'namespaces "{name}" not found in the files'))
    files = _texts(labelled, errors)
    changed = [(source, text) for source, text in files if text != source.text]
    if options.write:
        for source, text in changed:
            _write(source, text, labelled, errors)
    results = [one.item for one in labelled]
    for error in errors:
        say(str(error))
    if options.write or options.check or options.output != "table":
        label_ns.show(results, errors, options, " (check)" if options.check else "")
    else:
        show(files, as_diff=options.diff)
        for item in results:
            _say(item)
    result = label_ns.status(results, errors)
    return result or int(bool(options.check and changed))


class _Files(Struct, frozen=True):
    """What the files hold; `only` says that they hold one Namespace: objects that name none are taken to be in it."""

    workloads: Sequence[Workload]
    errors: Sequence[CapsError]
    only: bool


class _Labelled(Struct, frozen=True):
    """A Namespace document, what becomes of it, and the change of its labels."""

    document: Document
    item: Labelling
    patch: Patch


def _apart(workload: Workload) -> Workload:
    """The object that is made of a manifest that was copied from another.

    It has neither that one's uid nor its status, and is not being deleted.
    """
    metadata = replace(workload.metadata, uid=None, deletion_timestamp=None)
    template = workload.template
    new = replace(template, status=PodStatus()) if isinstance(template, Pod) else template
    return replace(workload, metadata=metadata, template=new)


def _is_namespace(document: Document) -> bool:
    obj = document.object
    return (obj["apiVersion"], obj["kind"]) == ("v1", "Namespace") and bool((obj.get("metadata") or {}).get("name"))


def _readable(documents: Sequence[Document]) -> tuple[list[Document], list[CapsError]]:
    """The Namespaces whose name and labels are such, and errors for the others."""
    good: list[Document] = []
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
    """What kubectl could not read; and a label of Pod Security that is null: to kubectl it is empty, and no level."""
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


def _label(document: Document, files: _Files, asked: Asked) -> _Labelled:
    """The verdict on one Namespace document. What could not be read may be in it, so then it is not judged."""
    name = document.object["metadata"]["name"]
    plan = plan_labels(document.object, asked.wishes, overwrite=asked.overwrite, force=asked.force)
    item = start(name, document.object["metadata"].get("labels") or {}, plan, asked)
    inside = [workload for workload in files.workloads if workload.namespace in ((name, "") if files.only else (name,))]
    homeless = [workload for workload in files.workloads if not workload.namespace]
    verdicts = Verdicts(item.policy, None)
    item.judged = judge(inside, verdicts)
    item.notes += tuple(beside(item, plan, asked, inside, verdicts))
    if item.policy.level != "privileged":
        item.not_judged = tuple(error.words for error in files.errors)
    if homeless and files.only:
        item.notes += (f"objects that name no namespace ({len(homeless)}) are judged as if they were in it",)
    else:
        strays = judge(homeless, verdicts)
        why = "names no namespace; it would be refused here"
        item.not_judged += tuple(f"{one.workload.reference} {why}" for one in strays)
    refusals = [*plan.refusals, *objections(item, force=asked.force)]
    if refusals:
        item.result, item.message = "refused", "; ".join(refusals)
    elif not plan.patch.changes:
        item.result = "unchanged"
    return _Labelled(document, item, plan.patch)


def _texts(labelled: Sequence[_Labelled], errors: list[CapsError]) -> list[tuple[SourceFile, str]]:
    """Every file with a Namespace, with the labels of those that may have them; what cannot be edited fails."""
    files = []
    for source in dict.fromkeys(one.document.file for one in labelled):
        own = [one for one in labelled if one.document.file is source and one.item.result == "planned"]
        result = edited(source, [Edit(one.document, one.patch) for one in own])
        for at, error in sorted(result.refused.items()):
            errors.append(error)
            own[at].item.result, own[at].item.message = "failed", error.words
        files.append((source, result.text))
    return files


def _write(source: SourceFile, text: str, labelled: Sequence[_Labelled], errors: list[CapsError]) -> None:
    message = written(source, text, errors)
    result: Result = "failed" if message else "labeled"
    for one in labelled:
        if one.document.file is source and one.item.result == "planned":
            one.item.result, one.item.message = result, message


def _say(item: Labelling) -> None:
    from kubectl_caps.command_line import program_name
    from kubectl_caps.report import labelling as report

    for line in report.verdict(item, program_name()):
        say(line)
    if item.result in ("refused", "failed"):
        say(report.result_line(item, ""))
