"""harden on a real node, with programs that nobody has written a row for: every refusal that leaves a line is seen.

No wrong capability is named, and the command that is printed works. What leaves no line is not seen, and docs/harden.md
says so.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from refused.images import images
from refused.programs import PROGRAMS, Program
from test_harden_node import Place, pod, workload
from testbed.cluster import Node

SETTLE = ("--settle", "8s", "--timeout", "180s")
BY_NAME = {program.name: program for program in PROGRAMS}
TRIES = 4
TRACED = ("refused", "small")
NEXT = re.compile(r"to try next: .*?\b(harden .*--add .*)")

FIND_OUT = re.compile(r"to find it: kubectl (exec .*) 2>&1 \| kubectl caps explain -")


def manifest(program: Program, image: str) -> dict[str, Any]:
    """A Deployment of one pod that runs the program."""
    probe = {"httpGet": {"path": program.probe, "port": 8080}} if program.probe else None
    spec = pod(image, probe=probe, **program.pod)
    container = spec["containers"][0]
    container["command"] = list(program.command)
    container["env"] = [{"name": "LANG", "value": "C.UTF-8"}, {"name": "LANGUAGE", "value": program.locale}]
    if program.added:
        container["securityContext"] = {"capabilities": {"add": list(program.added)}}
    return workload(program.name, spec)


def harden(place: Place, program: Program, adds: tuple[str, ...]) -> dict[str, Any]:
    """Harden a program with some adds, which it gains where an earlier try left it without."""
    flags = (*SETTLE, *program.flags, "--yes", *(["--remove-adds"] if program.added else []))
    return place.item(f"deploy/{program.name}", *flags, *(["--add", ",".join(adds)] if adds else []))


def story(place: Place, program: Program) -> dict[str, Any]:
    """Harden with too little; then with what is printed, as long as something is; then with what is right."""
    first = harden(place, program, tuple(program.given))
    items = [first]
    while items[-1]["result"] == "rolledBack" and (again := NEXT.search(items[-1]["stderr"])) and len(items) < TRIES:
        printed = shlex.split(again[1])
        assert printed[:4] == ["harden", f"deployment.apps/{program.name}", "-n", place.name], printed
        items.append(place.item(printed[1], *printed[4:], *SETTLE, *program.flags))
    found = find_out(place, program, first["stderr"]) if program.seen == "refused" else None
    right = items[-1] if items[-1]["result"] == "patched" else harden(place, program, tuple(program.needs))
    return {"first": first, "items": items, "right": right, "found": found}


def find_out(place: Place, program: Program, stderr: str) -> set[str] | None:
    """Do what is printed where nothing is named, in a container that has strace; the capabilities that this names."""
    if program.image != "small":
        return None
    printed = FIND_OUT.search(stderr)
    assert printed, stderr
    command = shlex.split(printed[1].replace("PROGRAM", shlex.join(program.command)))
    at = command.index("strace")  # most of the programs do not end
    traced = place.node.kubectl(*command[:at], "busybox", "timeout", "5", *command[at:], check=False)
    told = place.node.caps("explain", "-", "-o", "json", input=traced.stdout + traced.stderr)
    return {name for item in json.loads(told.stdout)["items"] for names in item["alternatives"] for name in names}


@pytest.fixture(scope="module")
def told(node_cluster: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Future[Any]]]:
    """Every program's story, running; `result()` is what it came to."""
    place = Place(node_cluster)
    made = images(tmp_path_factory.mktemp("programs"))
    names = {name: node_cluster.image(f"docker.io/local/refused-{name}:1", image) for name, image in made.items()}
    place.apply(*(manifest(program, names[program.image]) for program in PROGRAMS))
    place.await_ready(*(f"deploy/{program.name}" for program in PROGRAMS))
    with ThreadPoolExecutor(5) as pool:
        yield {program.name: pool.submit(story, place, program) for program in PROGRAMS}
    node_cluster.delete_namespace(place.name)


def named(item: Mapping[str, Any], *certainties: str) -> set[str]:
    """The capabilities that an item's diagnosis names."""
    causes = [cause for cause in item["diagnosis"] if not certainties or cause["certainty"] in certainties]
    return {name for cause in causes for name in cause["capabilities"]}


@pytest.mark.parametrize("name", BY_NAME)
def test_a_refusal_that_leaves_a_line_is_seen(told: Mapping[str, Future[Any]], name: str) -> None:
    program, first = BY_NAME[name], told[name].result()["first"]
    told_of = {name: cause["certainty"] for cause in first["diagnosis"] for name in cause["capabilities"]}
    print(f"{name}: {first['result']}, named {told_of}, {first['message']}")
    wanted = {"named": "rolledBack", "refused": "rolledBack", "doubtful": "notProven", "not seen": "patched"}
    assert first["result"] == wanted[program.seen], (first["message"], first["stderr"])
    assert named(first) == set(program.named), first["diagnosis"]
    assert "stays up" not in first["message"] or program.stays, first["message"]
    assert "exited" not in first["message"] or not program.stays, first["message"]


@pytest.mark.parametrize("name", BY_NAME)
def test_no_capability_is_named_that_the_program_does_not_need(told: Mapping[str, Future[Any]], name: str) -> None:
    for item in told[name].result()["items"]:
        assert named(item) <= set(BY_NAME[name].needs), item["diagnosis"]


@pytest.mark.parametrize("name", [name for name, item in BY_NAME.items() if (item.seen, item.image) == TRACED])
def test_the_printed_strace_command_finds_a_capability_that_no_line_names(
    told: Mapping[str, Future[Any]], name: str
) -> None:
    program, found = BY_NAME[name], told[name].result()["found"]
    print(f"{name}: found {found}")
    assert found
    assert found <= set(program.needs)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_refused_program_rolls_out_with_the_suggested_or_needed_adds(
    told: Mapping[str, Future[Any]], name: str
) -> None:
    story = told[name].result()
    assert story["right"]["result"] == "patched", (story["right"]["message"], story["right"]["stderr"])
    if BY_NAME[name].seen == "named":
        assert story["right"] is story["items"][-1], "the printed commands do not lead there"
