"""Namespaces in files: labels edited in the text, judged against the workloads of the same files."""

import argparse
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.commands import label_ns
from kubectl_caps.commands import options as read
from kubectl_caps.commands.files import no_selector
from kubectl_caps.commands.given import given
from kubectl_caps.commands.harden_files import show
from kubectl_caps.core.labelling import Asked, Labelling, LabelWish, Verdicts, judge, objections, plan_labels, start
from kubectl_caps.core.workloads import Workload
from kubectl_caps.errors import CapsError, UsageError
from kubectl_caps.manifests.edit import Edit, edited
from kubectl_caps.manifests.read import Document
from kubectl_caps.manifests.source import SourceFile
from kubectl_caps.manifests.write import write
from kubectl_caps.report.terminal import say


def label_files(options: argparse.Namespace, wishes: tuple[LabelWish, ...]) -> int:
    """Judge the Namespace documents and label them in the text as the flags say; returns the exit status."""
    no_selector(options.selector)
    read.file_flags(options)
    if options.all or options.plan or options.dry_run != "none" or "--field-manager" in options.flags:
        raise UsageError("--all, --plan, --dry-run and --field-manager have no meaning with -f")
    documents, found, errors = given(options, "label-ns")
    workloads = [_apart(workload) for item in found for workload in item.workloads]
    namespaces = [item for item in documents if _is_namespace(item)]
    chosen = [item for item in namespaces if not options.names or item.object["metadata"]["name"] in options.names]
    if not namespaces and not errors:
        say("No namespaces found: the files hold no Namespace whose labels could be judged")
    asked = Asked(wishes=wishes, overwrite=options.overwrite, force=options.force)
    only = len({item.object["metadata"]["name"] for item in namespaces}) == 1
    results = [_label(item, _Files(workloads, errors, only), asked) for item in chosen]
    for name in set(options.names) - {item.object["metadata"]["name"] for item in chosen}:
        errors.append(UsageError(f'namespaces "{name}" not found in the files'))
    files = _texts(chosen, results, asked, errors)
    changed = [(source, text) for source, text in files if text != source.text]
    if options.write:
        for source, text in changed:
            write(source, text)
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


def _apart(workload: Workload) -> Workload:
    """Without its uid: a manifest that was copied from another keeps that one's, and yet is another object."""
    return replace(workload, metadata=replace(workload.metadata, uid=None))


def _is_namespace(document: Document) -> bool:
    obj = document.object
    return (obj["apiVersion"], obj["kind"]) == ("v1", "Namespace") and bool((obj.get("metadata") or {}).get("name"))


def _label(document: Document, files: _Files, asked: Asked) -> Labelling:
    """The verdict on one Namespace document. What could not be read may be in it, so then it is not judged."""
    name = document.object["metadata"]["name"]
    plan = plan_labels(document.object, asked.wishes, overwrite=asked.overwrite, force=asked.force)
    item = start(name, document.object["metadata"].get("labels") or {}, plan, asked)
    inside = [workload for workload in files.workloads if workload.namespace in ((name, "") if files.only else (name,))]
    homeless = [workload for workload in files.workloads if not workload.namespace]
    verdicts = Verdicts(item.policy, None)
    item.judged = judge(inside, verdicts)
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
    return item


def _texts(
    documents: Sequence[Document],
    results: Sequence[Labelling],
    asked: Asked,
    errors: list[CapsError],
) -> list[tuple[SourceFile, str]]:
    """Every file with a Namespace, its text with the labels of those that may have them."""
    sources = {id(document.file): document.file for document in documents}
    edits: dict[int, list[Edit]] = {key: [] for key in sources}
    for document, item in zip(documents, results, strict=True):
        if item.result == "planned":
            plan = plan_labels(document.object, asked.wishes, overwrite=asked.overwrite, force=asked.force)
            edits[id(document.file)].append(Edit(document, plan.patch))
    files = []
    for key, own in edits.items():
        result = edited(sources[key], own)
        errors.extend(result.refused.values())
        files.append((sources[key], result.text))
    return files


def _say(item: Labelling) -> None:
    from kubectl_caps.command_line import program_name
    from kubectl_caps.report import labelling as report

    for line in report.verdict(item, program_name()):
        say(line)
    if item.result == "refused":
        say(report.result_line(item, ""))
