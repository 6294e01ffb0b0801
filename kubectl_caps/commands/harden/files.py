"""Runs `harden -f`: prints the hardened manifests or a diff, edits the files in place, or only checks them."""

import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from json import dumps

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.cli.harden import HardenArguments
from kubectl_caps.commands.harden.check import check_passes
from kubectl_caps.commands.inspect import gates
from kubectl_caps.commands.shared.files import FoundWorkload
from kubectl_caps.commands.shared.manifests import read_manifests, unsure_exemptions
from kubectl_caps.core.assess.coverage import Coverage
from kubectl_caps.core.harden.plan import Hardening, HardenOptions, harden
from kubectl_caps.core.harden.result import HardenOutcome, HardenResult, refused_containers
from kubectl_caps.core.kubernetes.patch import Patch
from kubectl_caps.core.kubernetes.pod import members
from kubectl_caps.errors import CapsError, InputError, UsageError
from kubectl_caps.manifests.edit.edit import Edit, Edited, EditRefused, edited
from kubectl_caps.manifests.edit.stream import stream
from kubectl_caps.manifests.edit.write import diff, write_file
from kubectl_caps.manifests.read.text import SourceFile
from kubectl_caps.report import hardening as report
from kubectl_caps.report import json
from kubectl_caps.report.documents.hardening import hardening_document
from kubectl_caps.report.source import put, put_diff
from kubectl_caps.report.terminal import escaped, print_lines, say


class _File(Struct, frozen=True):
    """A file with the jobs of its objects, its new text, and the edits and writes that failed."""

    source: SourceFile
    jobs: tuple[HardenResult, ...]
    edited: Edited
    errors: tuple[CapsError, ...] = ()

    @property
    def text(self) -> str:
        return self.edited.text

    @property
    def changed(self) -> bool:
        return self.text != self.source.text


def harden_files(arguments: HardenArguments) -> int:
    """Harden the files as the flags say, and return the exit status. Raises UsageError, InputError."""
    options = arguments.wanted
    check = arguments.check
    manifests = read_manifests(arguments, "harden", namespace=arguments.namespace, editing=not check, gate=check)
    found, errors = manifests.found, list(manifests.errors)
    if not arguments.changed_files:  # the container may be in a file that was not changed
        _check_containers(found, options)
    listed = gates.exemptions(arguments.exemptions)
    if arguments.check:
        errors = gates.accepted([*errors, *unsure_exemptions(manifests, listed, "harden")], listed)
        errors += [] if arguments.changed_files else gates.nothing_judged(errors, manifests.coverage)
    sources = dict.fromkeys(document.file for document in manifests.documents)
    files = list(_files(sources, found, options))
    if arguments.write:
        files = [_written(file) if file.changed else file for file in files]
    errors += _errors(files)
    _print(arguments, files, errors, manifests.coverage)
    if not found and not errors:
        say("No resources found")
    for error in errors:
        say(str(error))
    jobs = [job for file in files for job in file.jobs]
    for job in jobs:
        if job.result == "refused" and not job.hardening.refusals:
            say(_by_hand(job))
    status = 2 if gates.not_accepted(errors) or any(job.result == "refused" for job in jobs) else 0
    if arguments.check:
        good = check_passes(found, options, listed, annotations=arguments.annotations)
        good = good and not any(file.changed for file in files)
        say(manifests.coverage.line)
        return status or int(not good)
    return status


def _check_containers(found: Sequence[FoundWorkload], options: HardenOptions) -> None:
    """Raise UsageError for a container that no object of the files has."""
    names = dict.fromkeys(name for item in found for name in _containers(item))
    missing = [name for name in options.named if name not in names]
    if missing:
        raise UsageError(f"container {', '.join(missing)} is in none of the files; there are: {', '.join(names)}")


def _containers(item: FoundWorkload) -> Iterator[str]:
    for workload in item.workloads:
        yield from (member.container.name for member in members(workload.template.spec))


def _files(sources: Iterable[SourceFile], found: Sequence[FoundWorkload], options: HardenOptions) -> Iterator[_File]:
    by_file: dict[SourceFile, list[FoundWorkload]] = {}
    for item in found:
        by_file.setdefault(item.document.file, []).append(item)
    for source in sources:
        yield _hardened(source, by_file.get(source, ()), options)


def _hardened(source: SourceFile, found: Sequence[FoundWorkload], options: HardenOptions) -> _File:
    """The file with every object hardened. An object that cannot be edited is not changed; its job has the reason."""
    jobs = [_job(item, options) for item in found]
    todo = [at for at, job in enumerate(jobs) if job.result == "planned"]
    result = edited(source, [Edit(found[at].document, jobs[at].hardening.patch) for at in todo])
    refused = sorted(result.refused.items())
    for at, error in refused:
        jobs[todo[at]] = jobs[todo[at]].ended("refused", error.words)
    return _File(source, tuple(jobs), result, tuple(error for _, error in refused))


def _job(item: FoundWorkload, options: HardenOptions) -> HardenResult:
    names = set(_containers(item))
    meant = tuple(name for name in options.containers if name in names)
    hardening = Hardening(Patch(()))
    if meant or not options.containers:
        here = tuple(pair for pair in options.add_in if pair[0] in names)
        hardening = harden(item.document.object, item.workloads, replace(options, containers=meant, add_in=here))
    job = HardenResult(item.kind, item.document.object, item.workloads[0], hardening)
    if hardening.refusals:
        return job.ended("refused", refused_containers(hardening))
    return job if hardening.patch.changes else job.ended("unchanged")


def _written(file: _File) -> _File:
    """Write the new text to the disk, and return the file with the results or the error."""
    try:
        write_file(file.source, file.text)
    except InputError as error:
        return replace(file, jobs=_ended(file, "failed", error.words), errors=(*file.errors, error))
    return replace(file, jobs=_ended(file, "patched", ""))


def _ended(file: _File, result: HardenOutcome, message: str) -> tuple[HardenResult, ...]:
    return tuple(job.ended(result, message) if job.result == "planned" else job for job in file.jobs)


def _errors(files: Sequence[_File]) -> list[CapsError]:
    """The errors of failed edits, then the errors of failed writes."""
    found = [error for file in files for error in file.errors]
    return sorted(found, key=lambda error: not isinstance(error, EditRefused))


def _print(arguments: HardenArguments, files: Sequence[_File], errors: Sequence[CapsError], coverage: Coverage) -> None:
    jobs = [job for file in files for job in file.jobs]
    if arguments.output in ("json", "yaml"):
        sys.stdout.write(json.text(hardening_document(jobs, errors, coverage), arguments.output))
    elif arguments.output == "patch":
        sys.stdout.write(report.patches([job for job in jobs if job.hardening.patch.changes]))
    elif arguments.output == "name":
        print_lines(escaped(job.workload.reference) for job in jobs if job.result in ("planned", "patched"))
    elif arguments.write or arguments.check:
        shown = ("planned", "patched", "unchanged")
        print_lines(report.hardening_plan([job for job in jobs if job.result in shown]))
        print_lines(report.notes([job for job in jobs if job.result not in shown]))
        print_lines(report.hardening_line(job, " (check)" if job.result == "planned" else "") for job in jobs)
    else:
        print_files([(file.source, file.edited) for file in files], as_diff=arguments.diff)
        for line in [*report.notes(jobs), *(report.hardening_line(job, "") for job in jobs if job.result == "refused")]:
            say(line)


def _by_hand(job: HardenResult) -> str:
    """The kubectl command for a change that is not possible in the file. It patches the object or the document."""
    patch = f"--type=json -p {shlex.quote(dumps(job.hardening.patch.json_patch()))}"
    if job.kind.effect == "never":
        return f"its patch, for the document alone: kubectl patch --local -f - -o yaml {patch}"
    namespace = f" -n {job.workload.namespace}" if job.workload.namespace else ""
    target = job.workload.reference.replace("/", " ", 1)
    return f"its patch: kubectl patch {target}{namespace} {patch}"


def print_files(files: Sequence[tuple[SourceFile, Edited]], *, as_diff: bool) -> None:
    """Print every file with its new text, as one stream that kubectl reads, or as a diff."""
    if as_diff:
        for source, made in files:
            put_diff(diff(source, made))
    else:
        for part in stream([made.text for _, made in files]):
            put(part)
