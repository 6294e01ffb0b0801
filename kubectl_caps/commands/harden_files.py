"""Hardening manifests: printed, as a diff, in place, or only checked."""

import argparse
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from json import dumps

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.commands.files import Found, no_selector, written
from kubectl_caps.commands.given import given
from kubectl_caps.commands.harden import print_lines
from kubectl_caps.core.hardening import Hardening, Wishes, harden
from kubectl_caps.core.outcome import Job, Result
from kubectl_caps.core.patch import Patch
from kubectl_caps.core.pod import members
from kubectl_caps.errors import CapsError, UsageError
from kubectl_caps.manifests.edit import Edit, edited
from kubectl_caps.manifests.source import SourceFile
from kubectl_caps.manifests.write import diff
from kubectl_caps.report import hardening as report
from kubectl_caps.report import json
from kubectl_caps.report.source import put, put_diff
from kubectl_caps.report.terminal import escaped, say


class _File(Struct):
    """A file with the jobs of its objects, and its text as it shall be."""

    source: SourceFile
    jobs: list[Job]
    text: str

    @property
    def changed(self) -> bool:
        return self.text != self.source.text


def harden_files(options: argparse.Namespace, wishes: Wishes) -> int:
    """Harden the files as the flags say, and return the exit status."""
    no_selector(options.selector)
    documents, found, errors = given(options, "harden", namespace=options.namespace, editing=not options.check)
    _check_containers(found, wishes)
    files = list(_files(dict.fromkeys(document.file for document in documents), found, wishes, errors))
    if options.write:
        _write([file for file in files if file.changed], errors)
    _print(options, files, errors)
    if not found and not errors:
        say("No resources found")
    for error in errors:
        say(str(error))
    jobs = [job for file in files for job in file.jobs]
    for job in jobs:
        if job.result == "refused" and not job.hardening.refusals:
            say(_by_hand(job))
    if errors or any(job.result == "refused" for job in jobs):
        return 2
    return 1 if options.check and any(file.changed for file in files) else 0


def _check_containers(found: Sequence[Found], wishes: Wishes) -> None:
    """Raises UsageError for a container that no object of the files has."""
    names = dict.fromkeys(name for item in found for name in _containers(item))
    missing = [name for name in wishes.containers if name not in names]
    if missing:
        raise UsageError(f"container {', '.join(missing)} is in none of the files; there are: {', '.join(names)}")


def _containers(item: Found) -> Iterator[str]:
    for workload in item.workloads:
        yield from (member.container.name for member in members(workload.template.spec))


def _files(
    sources: Iterable[SourceFile], found: Sequence[Found], wishes: Wishes, errors: list[CapsError]
) -> Iterator[_File]:
    by_file: dict[SourceFile, list[Found]] = {}
    for item in found:
        by_file.setdefault(item.document.file, []).append(item)
    for source in sources:
        yield _hardened(source, by_file.get(source, ()), wishes, errors)


def _hardened(source: SourceFile, found: Sequence[Found], wishes: Wishes, errors: list[CapsError]) -> _File:
    """The file's text with every object hardened; one whose text cannot be edited stays, and its job says why."""
    jobs = [_job(item, wishes) for item in found]
    todo = [(item, job) for item, job in zip(found, jobs, strict=True) if job.result == "planned"]
    result = edited(source, [Edit(item.document, job.hardening.patch) for item, job in todo])
    for at, error in sorted(result.refused.items()):
        errors.append(error)
        todo[at][1].result, todo[at][1].message = "refused", error.words
    return _File(source, jobs, result.text)


def _job(item: Found, wishes: Wishes) -> Job:
    names = set(_containers(item))
    asked = tuple(name for name in wishes.containers if name in names)
    hardening = Hardening(Patch(()))
    if asked or not wishes.containers:
        hardening = harden(item.document.object, item.workloads, replace(wishes, containers=asked))
    job = Job(item.kind, item.document.object, item.workloads[0], hardening)
    if hardening.refusals:
        job.result = "refused"
        job.message = "; ".join(f"container {note.container}: {note.message}" for note in hardening.refusals)
    elif not hardening.patch.changes:
        job.result = "unchanged"
    return job


def _write(changed: Sequence[_File], errors: list[CapsError]) -> None:
    for file in changed:
        message = written(file.source, file.text, errors)
        result: Result = "failed" if message else "patched"
        for job in file.jobs:
            if job.result == "planned":
                job.result, job.message = result, message


def _print(options: argparse.Namespace, files: Sequence[_File], errors: Sequence[CapsError]) -> None:
    jobs = [job for file in files for job in file.jobs]
    if options.output in ("json", "yaml"):
        sys.stdout.write(json.text(report.hardening(jobs, errors), options.output))
    elif options.output == "patch":
        sys.stdout.write(report.patches([job for job in jobs if job.hardening.patch.changes]))
    elif options.output == "name":
        print_lines(escaped(job.workload.reference) for job in jobs if job.result in ("planned", "patched"))
    elif options.write or options.check:
        print_lines(report.plan([job for job in jobs if job.result in ("planned", "patched")]))
        print_lines(report.result_line(job, " (check)" if job.result == "planned" else "") for job in jobs)
    else:
        show([(file.source, file.text) for file in files], as_diff=options.diff)
        for line in [*report.notes(jobs), *(report.result_line(job, "") for job in jobs if job.result == "refused")]:
            say(line)


def _by_hand(job: Job) -> str:
    """The command for what could not be done in the file: on a cluster, or on the document where none allows it."""
    patch = f"--type=json -p {shlex.quote(dumps(job.hardening.patch.json_patch()))}"
    if job.kind.effect == "never":
        return f"its patch, for the document alone: kubectl patch --local -f - -o yaml {patch}"
    namespace = f" -n {job.workload.namespace}" if job.workload.namespace else ""
    target = job.workload.reference.replace("/", " ", 1)
    return f"its patch: kubectl patch {target}{namespace} {patch}"


def show(files: Sequence[tuple[SourceFile, str]], *, as_diff: bool) -> None:
    """Every file as it shall be (a separator between them makes one stream of documents), or as a diff, on stdout."""
    for at, (source, text) in enumerate(files):
        if as_diff:
            put_diff(diff(source, text))
            continue
        between = "---\n" if at and not text.startswith("---") else ""
        put(f"{between}{text}" if text.endswith("\n") else f"{between}{text}\n")
