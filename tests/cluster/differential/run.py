"""Asks the server: every policy gets a namespace, and the namespaces get pods, ephemeral containers and templates.

* A pod is created as a dry run in a namespace that enforces one policy and warns of another. Refused, it gives the
  enforced policy's text; accepted, it gives the other policy's warning too.
* Ephemeral containers can only be added to a pod that exists, so some pods are created for good before their namespace
  enforces anything. They are patched as a dry run.
* A template goes in a controller of a random kind, as a dry run, and gives a warning.

What the API's own validation refuses (422) never reaches Pod Security, and is counted by its reason.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

from msgspec import Struct, field

from differential.pods import Maker
from differential.rooms import Room, furnish, guest, lock, rooms
from differential.server import Answer, Server
from differential.verdicts import Kind, Verdict, judged
from kubectl_caps.core.kubernetes.kinds import KINDS
from kubectl_caps.core.kubernetes.kinds import Kind as Row

Json = dict[str, Any]

_CONTROLLERS = tuple(row for row in KINDS if row.builtin and row.template)
_RESTARTS = {"Job": "Never", "CronJob": "OnFailure"}


class Reply(Struct):
    """The server's answer to one question, and the verdicts in it."""

    kind: Kind
    answer: Answer
    verdicts: list[Verdict]


class Result(Struct):
    """All verdicts; how many of each kind of question were put; why the API's validation refused some."""

    verdicts: list[Verdict] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    invalid: Counter[str] = field(default_factory=Counter)
    strange: list[str] = field(default_factory=list)

    def take(self, reply: Reply) -> None:
        """Note one reply."""
        answer = reply.answer
        refused = answer.status == 403 and " violates PodSecurity " in answer.message
        self.asked[reply.kind] += 1
        if answer.status == 422:
            self.asked[f"{reply.kind}: invalid"] += 1
            causes = answer.body.get("details", {}).get("causes", [])
            self.invalid.update({_cause(cause) for cause in causes} or {answer.message})
        elif answer.status in (200, 201) or refused:
            self.asked[f"{reply.kind}: {'forbidden' if refused else 'allowed'}"] += 1
            self.verdicts.extend(reply.verdicts)
        else:
            self.strange.append(f"{answer.status}: {answer.message}")


def run(server: Server, count: int, seed: int) -> Result:
    """`count` pods, and a tenth of that in ephemeral containers and in templates."""
    everywhere = rooms()
    strict = [room for room in everywhere if room.enforce.level != "privileged"]
    lax = [room for room in everywhere if room.enforce.level == "privileged"]
    result = Result()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda room: furnish(server, room), everywhere))
        guests = list(pool.map(lambda room: guest(server, room.name, f"{seed}/{room.name}"), strict))
        list(pool.map(lambda room: lock(server, room), strict))

        def pod(at: int) -> Reply:
            room = lax[at // 20 % len(lax)] if at % 20 == 0 else strict[(at - at // 20) % len(strict)]
            return _pod(server, room, f"{seed}/{at}")

        def ephemeral(at: int) -> Reply:
            return _ephemeral(server, strict[at % len(strict)], guests[at % len(strict)], f"{seed}/ephemeral/{at}")

        def template(at: int) -> Reply:
            return _template(server, everywhere[at % len(everywhere)], f"{seed}/template/{at}")

        questions: Sequence[tuple[Callable[[int], Reply], int]] = (
            (pod, count), (ephemeral, count // 10), (template, count // 10),
        )  # fmt: skip
        for question, times in questions:
            for reply in pool.map(question, range(times)):
                result.take(reply)
    return result


def _pod(server: Server, room: Room, seed: str) -> Reply:
    pod = Maker(Random(seed)).pod()
    answer = server.create(room.path("pods"), pod)
    template = judged(pod, pod=True)
    said = _forbidden(answer, pod["metadata"]["name"])
    verdicts = [Verdict("pod", room.enforce, template, said, seed)]
    if answer.status == 201:
        verdicts.append(Verdict("warning", room.warn, template, _warned(answer), seed))
    return Reply("pod", answer, verdicts)


def _ephemeral(server: Server, room: Room, living: Json, seed: str) -> Reply:
    """The pod as it is stored, with new ephemeral containers."""
    added = Maker.of_guest(Random(seed), living).ephemeral()
    name = living["metadata"]["name"]
    spec = {"ephemeralContainers": added}
    answer = server.merge(room.path(f"pods/{name}/ephemeralcontainers"), {"spec": spec})
    template = judged({**living, "spec": {**living["spec"], **spec}}, pod=True)
    verdict = Verdict("ephemeral containers", room.enforce, template, _forbidden(answer, name), seed)
    return Reply("ephemeral containers", answer, [verdict])


def _template(server: Server, room: Room, seed: str) -> Reply:
    random = Random(seed)
    row = random.choice(_CONTROLLERS)
    pod = Maker(random).pod()
    metadata = {key: pod["metadata"][key] for key in ("labels", "annotations")}
    spec = {**pod["spec"], "restartPolicy": _RESTARTS.get(row.kind, "Always")}
    prefix = f"/apis/{row.api_version}" if row.group else f"/api/{row.version}"
    answer = server.create(room.path(row.plural, prefix), _controller(row, {"metadata": metadata, "spec": spec}))
    template = judged({"metadata": metadata, "spec": spec}, pod=False)
    return Reply("template", answer, [Verdict("template", room.warn, template, _warned(answer), seed)])


def _controller(row: Row, template: Json) -> Json:
    """The smallest object of a kind around a template."""
    obj: Json = {"apiVersion": row.api_version, "kind": row.kind, "metadata": {"name": "x"}}
    place = obj
    for step in row.template[:-1]:
        place = place.setdefault(str(step), {})
    place[str(row.template[-1])] = template
    if row.group == "apps":
        obj["spec"]["selector"] = {"matchLabels": {"app": "x"}}
    if row.kind == "CronJob":
        obj["spec"]["schedule"] = "0 0 1 1 *"
    return obj


def _forbidden(answer: Answer, name: str) -> str:
    """What follows `pods "x" is forbidden: `; empty where the pod was accepted."""
    return answer.message.removeprefix(f'pods "{name}" is forbidden: ') if answer.status == 403 else ""


def _warned(answer: Answer) -> str:
    return next((text for text in answer.warnings if text.startswith("would violate PodSecurity ")), "")


def _cause(cause: Json) -> str:
    """A reason of the API's validation, without what differs from pod to pod."""
    text = f"{cause.get('field')}: {cause.get('message')}"
    return re.sub(r'"[^"]*"|\d+', "_", text)
