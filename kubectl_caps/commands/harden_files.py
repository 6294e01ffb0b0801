"""Hardening manifests: printed, as a diff, in place, or only checked."""

import argparse
import sys
from collections.abc import Iterator, Sequence

from msgspec import Struct

from kubectl_caps.commands.files import Found, find_in, no_selector
from kubectl_caps.commands.harden import planned, print_lines
from kubectl_caps.core.hardening import Wishes
from kubectl_caps.core.outcome import Job
from kubectl_caps.errors import CapsError, InputError, UsageError
from kubectl_caps.manifests.edit import Edit, EditRefused, diff, edited, write
from kubectl_caps.manifests.read import SourceFile
from kubectl_caps.report import hardening as report
from kubectl_caps.report import json
from kubectl_caps.report.terminal import escaped, say


class _File(Struct):
    """A file with the jobs of its objects, and its text as it shall be."""

    source: SourceFile
    jobs: list[tuple[Found, Job]]
    text: str


def harden_files(options: argparse.Namespace, wishes: Wishes) -> int:
    """Harden the files as the flags say, and return the exit status."""
    no_selector(options.selector)
    found, errors = find_in(options.filename, recursive=options.recursive)
    files = list(_files(found, wishes, errors))
    jobs = [job for file in files for _, job in file.jobs]
    changed = [file for file in files if file.text != file.source.text]
    if options.write:
        _write(changed, errors)
    _print(options, files, jobs, errors)
    for error in errors:
        say(str(error))
    if errors or any(job.result == "refused" for job in jobs):
        return 2
    return 1 if options.check and changed else 0


def _files(found: Sequence[Found], wishes: Wishes, errors: list[CapsError]) -> Iterator[_File]:
    by_file: dict[str, list[tuple[Found, Job]]] = {}
    for item in found:
        job = _job(item, wishes, errors)
        if job:
            by_file.setdefault(item.document.file.name, []).append((item, job))
    for jobs in by_file.values():
        yield _edited(jobs[0][0].document.file, jobs, errors)


def _job(item: Found, wishes: Wishes, errors: list[CapsError]) -> Job | None:
    try:
        hardening = planned(item.kind, item.document.object, item.document.source, wishes)
    except UsageError as error:
        errors.append(error)
        return None
    job = Job(item.kind, item.document.object, item.workloads[0], hardening)
    if hardening.refusals:
        job.result = "refused"
        job.message = "; ".join(f"container {note.container}: {note.message}" for note in hardening.refusals)
    elif not hardening.patch.changes:
        job.result = "unchanged"
    return job


def _edited(source: SourceFile, jobs: list[tuple[Found, Job]], errors: list[CapsError]) -> _File:
    """The file's text with every object hardened; where that is refused, as it was, and the jobs say why."""
    edits = [Edit(item.document, job.hardening.patch) for item, job in jobs if job.result == "planned"]
    try:
        return _File(source, jobs, edited(source, edits) if edits else source.text)
    except EditRefused as error:
        errors.append(error)
        for _, job in jobs:
            if job.result == "planned":
                job.result, job.message = "refused", str(error).removeprefix("error: ")
        return _File(source, jobs, source.text)


def _write(changed: Sequence[_File], errors: list[CapsError]) -> None:
    for file in changed:
        try:
            write(file.source, file.text)
        except InputError as error:
            errors.append(error)
            result, message = "failed", str(error).removeprefix("error: ")
        else:
            result, message = "patched", ""
        for _, job in file.jobs:
            if job.result == "planned":
                job.result, job.message = ("failed", message) if result == "failed" else ("patched", message)


def _print(
    options: argparse.Namespace, files: Sequence[_File], jobs: Sequence[Job], errors: Sequence[CapsError]
) -> None:
    out = sys.stdout
    if options.output in ("json", "yaml"):
        out.write(json.text(report.hardening(jobs, errors), options.output))
    elif options.output == "patch":
        out.write(report.patches([job for job in jobs if job.hardening.patch.changes]))
    elif options.output == "name":
        print_lines(escaped(job.workload.reference) for job in jobs if job.result in ("planned", "patched"))
    elif options.diff:
        show([(file.source, file.text) for file in files], as_diff=True)
    elif options.write or options.check:
        print_lines(report.plan([job for job in jobs if job.result in ("planned", "patched")]))
        print_lines(report.result_line(job, _suffix(options)) for job in jobs)
    else:
        show([(file.source, file.text) for file in files], as_diff=False)
    if options.output == "table" and not options.write and not options.check:
        for line in [*report.notes(jobs), *(report.result_line(job, "") for job in jobs if job.result == "refused")]:
            say(line)


def _suffix(options: argparse.Namespace) -> str:
    return " (check)" if options.check else ""


def show(files: Sequence[tuple[SourceFile, str]], *, as_diff: bool) -> None:
    """Every file as it shall be (a separator between them makes one stream of documents), or as a diff, on stdout."""
    for at, (source, text) in enumerate(files):
        if as_diff:
            sys.stdout.writelines(diff(source, text))
            continue
        if at and not text.startswith("---"):
            print("---")
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
