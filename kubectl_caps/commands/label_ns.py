"""kubectl caps label-ns: Pod Security labels on namespaces, after showing everything that they would refuse."""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from kubectl_caps.command_line import program_name
from kubectl_caps.commands import options as read
from kubectl_caps.commands.harden import print_lines
from kubectl_caps.core.labelling import SYSTEM_NAMESPACES, Labelling, LabelWish, Mode
from kubectl_caps.core.podsecurity.policy import PolicyError, parse_policy
from kubectl_caps.errors import ApiError, CapsError, UsageError
from kubectl_caps.report import json
from kubectl_caps.report import labelling as report
from kubectl_caps.report.terminal import clear_progress, escaped, progress, say

OUTPUTS = ("table", "json", "yaml", "name")
MODES: tuple[Mode, ...] = ("enforce", "audit", "warn")
WORKERS = 8
"""Namespaces that are judged at a time."""


def main(options: argparse.Namespace) -> int:
    """Judge and label each namespace, print what was found, and return the exit status."""
    read.output(options, OUTPUTS)
    wishes = _wishes(options)
    if options.filename:
        from kubectl_caps.commands.label_files import label_files

        return label_files(options, wishes)
    read.no_file_flags(options)
    _check_names(options)
    dry_run = "client" if options.plan else read.dry_run(options)
    errors: list[CapsError] = []
    results: list[Labelling] = []
    try:
        for item in _live(options, wishes, dry_run, errors):
            results.append(item)
    except BaseException:
        if results:
            show(results, errors, options, read.SUFFIX[dry_run])  # these may be labeled already
        raise
    for error in errors:
        say(str(error))
    if not results and not errors:
        say("No resources found")
    show(results, errors, options, read.SUFFIX[dry_run])
    result = status(results, errors)
    return 0 if options.plan and result == 1 else result


def status(results: Sequence[Labelling], errors: Sequence[CapsError]) -> int:
    """2 where something could not be done or judged, 1 where something was refused, else 0."""
    if errors or any(item.not_judged or item.result in ("failed", "unknown") for item in results):
        return 2
    return 1 if any(item.result == "refused" for item in results) else 0


def show(results: Sequence[Labelling], errors: Sequence[CapsError], options: argparse.Namespace, suffix: str) -> None:
    """Print what was found, namespace by namespace; of several a table at the end."""
    if options.output in ("json", "yaml"):
        sys.stdout.write(json.text(report.labelling(results, errors), options.output))
    elif options.output == "name":
        done = [item for item in results if item.result in ("planned", "labeled")]
        print_lines(escaped(f"namespace/{item.namespace}") for item in done)
    elif options.plan:
        for item in results:
            print_lines(report.plan(item, program_name()))
    else:
        for item in results:
            print_lines(report.verdict(item, program_name()))
            print(report.result_line(item, suffix))
        if len(results) > 1:
            print()
            print_lines(report.table(results))


def _asked(options: argparse.Namespace) -> dict[Mode, str]:
    """The modes that were asked for; enforce=restricted if none was named."""
    asked = {mode: getattr(options, mode) for mode in MODES if getattr(options, mode) is not None}
    return asked if asked or options.remove else {"enforce": "restricted"}


def _wishes(options: argparse.Namespace) -> tuple[LabelWish, ...]:
    asked, removed = _asked(options), [mode for text in options.remove for mode in text.split(",")]
    if unknown := [mode for mode in removed if mode not in MODES]:
        raise UsageError(f'--remove: unknown mode "{unknown[0]}", must be one of {", ".join(MODES)}')
    if both := [mode for mode in removed if mode in asked]:
        raise UsageError(f"--{both[0]} and --remove {both[0]} cannot be used together")
    removals = tuple(LabelWish(mode, None) for mode in MODES if mode in removed)
    return tuple(_wish(mode, text) for mode, text in asked.items()) + removals


def _wish(mode: Mode, text: str) -> LabelWish:
    try:
        policy = parse_policy(text)
    except PolicyError as error:
        raise UsageError(f"--{mode}: {error}") from error
    return LabelWish(mode, policy.level, text.partition(":")[2] or None)


def _check_names(options: argparse.Namespace) -> None:
    ways = [way for way in (options.names, options.selector, options.all) if way]
    if not ways:
        raise UsageError("you must name one or more namespaces, or use -l, --all or -f")
    if options.names and options.selector:
        raise UsageError("name cannot be provided when a selector is specified")
    if options.selector and options.all:
        raise UsageError("cannot set --all and --selector at the same time")
    if options.names and options.all:
        raise UsageError("name cannot be provided together with --all")
    if options.plan and (options.warn or options.audit or options.remove):
        raise UsageError("--plan is the way to --enforce: --warn, --audit and --remove do not go with it")


def _live(
    options: argparse.Namespace, wishes: tuple[LabelWish, ...], dry_run: str, errors: list[CapsError]
) -> Iterator[Labelling]:
    from kubectl_caps.cluster.census import census
    from kubectl_caps.commands.label_live import Run, label
    from kubectl_caps.commands.live import connected

    cluster, _, context = connected(options, warn=lambda text: None)
    minor = cluster.server_version().minor
    namespaces = list(_namespaces(cluster, options, errors))
    names = [namespace["metadata"]["name"] for namespace in namespaces]
    progress(f"reading the workloads of {len(names)} namespaces")
    source = {"context": context}
    counted = census(cluster, names, source)
    run = Run(
        wishes=wishes,
        minor=minor,
        overwrite=options.overwrite,
        force=options.force,
        cluster=cluster,
        source=source,
        dry_run=dry_run,
        manager=options.field_manager,
        mutations=_mutations(cluster, namespaces, counted, options.field_manager),
    )
    with ThreadPoolExecutor(WORKERS) as pool:
        pairs = [(namespace, counted[name]) for namespace, name in zip(namespaces, names, strict=True)]
        bugs = []
        for done, item in enumerate(pool.map(lambda pair: _or_bug(label, run, *pair), pairs), 1):
            progress(f"{done} of {len(pairs)} namespaces judged")
            if isinstance(item, Labelling):
                yield item
            else:
                bugs.append(item)
    clear_progress()
    if bugs:
        raise bugs[0]


def _or_bug(label: Callable[..., Labelling], *arguments: Any) -> Labelling | Exception:
    """What became of a namespace; a bug that it met must not hide what became of the others."""
    try:
        return label(*arguments)
    except Exception as bug:
        return bug


def _mutations(cluster: Any, namespaces: Sequence[dict[str, Any]], counted: Any, manager: str) -> Any:
    """What may change pods on their way (label_trial.Room), a plugin that is configured nowhere among it."""
    from kubectl_caps.cluster.census import all_workloads
    from kubectl_caps.commands.label_trial import COMPILED, Room, come_as_sent, configured

    mutations = configured(cluster)
    rooms = (
        (Room(cluster, metadata["name"], (metadata.get("labels") or {},), manager, mutations), found)
        for metadata in (namespace["metadata"] for namespace in namespaces)
        if (found := all_workloads(counted[metadata["name"]]))
    )
    return mutations if come_as_sent(rooms) else [*mutations, COMPILED]


def _namespaces(cluster: Any, options: argparse.Namespace, errors: list[CapsError]) -> Iterator[dict[str, Any]]:
    """The namespaces that are meant, as raw objects; those of the system only by their name."""
    from kubectl_caps.cluster.resources import NAMESPACES

    if not options.names:
        found = [item for page in cluster.pages(NAMESPACES, None, label_selector=options.selector) for item in page]
        yield from _meant(map(msgspec.json.decode, found))
    for name in named(options.names, errors):
        try:
            yield cluster.get(NAMESPACES, None, name)
        except (ApiError, UsageError) as error:
            errors.append(error)


def named(words: Sequence[str], errors: list[CapsError]) -> list[str]:
    """The namespaces that NAME and TYPE/NAME arguments mean, each once; one of another TYPE is an error."""
    from kubectl_caps.cluster.resources import BUILTIN, NAMESPACES, find, not_served, parse_targets

    names: dict[str, None] = {}
    for word in words:
        try:
            kind, name = parse_targets([word])[0] if "/" in word else ("ns", word)
            if find(kind, [NAMESPACES]) is None:
                raise UsageError(f"{word}: not a namespace") if find(kind, BUILTIN) else not_served(kind)
            names[name or ""] = None
        except UsageError as error:
            errors.append(error)
    return list(names)


def _meant(namespaces: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Those that a selector or --all may mean; the others are said."""
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
