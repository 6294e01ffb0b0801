"""Runs kubectl caps label-ns: judges and labels the selected namespaces of a cluster or of files."""

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from kubectl_caps.cli.label_ns import LabelNsArguments, label_ns_arguments
from kubectl_caps.cli.values import SUFFIX
from kubectl_caps.commands.label_ns.output import named, print_labelling, status
from kubectl_caps.core.assess.coverage import Coverage, total
from kubectl_caps.core.kubernetes.kinds import set_added_kinds
from kubectl_caps.core.label.plan_labels import SYSTEM_NAMESPACES
from kubectl_caps.core.label.verdicts import Labelling
from kubectl_caps.errors import ApiError, CapsError, UsageError
from kubectl_caps.report.terminal import clear_progress, progress, say

WORKERS = 8
"""The number of namespaces that are judged at the same time."""


def main(options: argparse.Namespace) -> int:
    """Judge and label each namespace, print the verdicts, and return the exit status."""
    return label_ns(label_ns_arguments(options))


def label_ns(arguments: LabelNsArguments) -> int:
    """Judge and label the selected namespaces, print the verdicts, and return the exit status."""
    set_added_kinds(arguments.kinds)
    if arguments.on_files:
        from kubectl_caps.commands.label_ns.files import label_files

        return label_files(arguments)
    suffix = SUFFIX[arguments.dry_run]
    errors: list[CapsError] = []
    results: list[Labelling] = []
    try:
        for item in _live(arguments, errors):
            results.append(item)
    except BaseException:
        if results:
            # Some of these namespaces may be labeled already, so the results must be printed.
            print_labelling(results, errors, arguments, suffix, _coverage(results))
        raise
    for error in errors:
        say(str(error))
    if not results and not errors:
        say("No resources found")
    print_labelling(results, errors, arguments, suffix, _coverage(results))
    if results:
        say(_coverage(results).line)
    result = status(results, errors)
    return 0 if arguments.plan and result == 1 else result


def _coverage(results: Sequence[Labelling]) -> Coverage:
    return total(item.coverage for item in results if item.coverage)


def _live(arguments: LabelNsArguments, errors: list[CapsError]) -> Iterator[Labelling]:
    from kubectl_caps.cluster.read.mutating_admission import mutating_admission
    from kubectl_caps.cluster.read.namespaces import list_workloads
    from kubectl_caps.commands.label_ns.cluster import LabelRun, label
    from kubectl_caps.commands.shared.connect import connected, server_minor

    cluster, _, context = connected(arguments, warn=lambda text: None)
    namespaces = list(_namespaces(cluster, arguments, errors))
    minor = server_minor(cluster) if namespaces else None
    names = [namespace["metadata"]["name"] for namespace in namespaces]
    progress(f"reading the workloads of {len(names)} namespaces")
    source = {"context": context}
    counted = list_workloads(cluster, names, source)
    run = LabelRun(
        requests=arguments.requests,
        minor=minor,
        overwrite=arguments.overwrite,
        force=arguments.force,
        cluster=cluster,
        source=source,
        dry_run=arguments.dry_run,
        manager=arguments.field_manager,
        admission=mutating_admission(cluster),
    )
    with ThreadPoolExecutor(WORKERS) as pool:
        pairs = [(namespace, counted[name]) for namespace, name in zip(namespaces, names, strict=True)]
        bugs = []
        for done, item in enumerate(pool.map(lambda pair: _result_or_bug(label, run, *pair), pairs), 1):
            progress(f"{done} of {len(pairs)} namespaces judged")
            if isinstance(item, Labelling):
                yield item
            else:
                bugs.append(item)
    clear_progress()
    if bugs:
        raise bugs[0]


def _result_or_bug(label: Callable[..., Labelling], *arguments: Any) -> Labelling | Exception:
    """The result for a namespace, or an unexpected exception, which must not hide the results of other namespaces."""
    try:
        return label(*arguments)
    except Exception as bug:
        return bug


def _namespaces(cluster: Any, arguments: LabelNsArguments, errors: list[CapsError]) -> Iterator[dict[str, Any]]:
    """The named or selected namespaces, as raw objects. A namespace of the system must be named."""
    from kubectl_caps.cluster.api.resources import NAMESPACES

    if not arguments.names:
        found = [item for page in cluster.pages(NAMESPACES, None, label_selector=arguments.selector) for item in page]
        yield from _without_system(_readable(map(msgspec.json.decode, found), errors))
    for name in named(arguments.names, errors):
        try:
            yield from _readable([cluster.get(NAMESPACES, None, name)], errors)
        except (ApiError, UsageError) as error:
            errors.append(error)


def _readable(namespaces: Iterable[Any], errors: list[CapsError]) -> Iterator[dict[str, Any]]:
    """The namespaces with metadata of the right types. The errors of other namespaces are added to `errors`."""
    from kubectl_caps.cluster.api.decode import MalformedObject, metadata_of

    for namespace in namespaces:
        try:
            metadata_of("v1", "Namespace", namespace)
            yield namespace
        except MalformedObject as error:
            errors.append(error)


def _without_system(namespaces: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The namespaces that do not belong to the system and are not being deleted. Prints the left out names."""
    system, ending = [], []
    for namespace in namespaces:
        metadata = namespace["metadata"]
        if metadata["name"] in SYSTEM_NAMESPACES:
            system.append(metadata["name"])
        elif "deletionTimestamp" in metadata:
            ending.append(metadata["name"])
        else:
            yield namespace
    if system:
        say(f"{', '.join(system)} left out: the system's namespaces are labeled only by name, and with --force")
    if ending:
        say(f"{', '.join(ending)} left out: being deleted")
