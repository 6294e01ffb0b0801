"""Random manifests as people write them: kinds, styles, comments, indentation, and what stands beside containers.

Comments have numbers.
"""

import json
import textwrap
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")

NAMES = ["NET_RAW", "ALL", "KILL", "CHOWN", "SYS_TIME", "all", "CAP_MKNOD", "NET_BIND_SERVICE"]
STRINGS = ["x", "a b", "it's", 'say "x"', "1", "yes", "null", "~", "# no comment", "a: b", "- a", "{{ .x }}", "", "ä😀"]
TEXTS = ["a\nb\n", "a\n\n# b\n", "---\na\n", "  a\nb\n", "a\n\n\n"]
OTHERS = [
    {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}},
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "kind: Pod\n---\nb: c\n"}},
]


class Writer:
    """One manifest after the other, all from one source of chance."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.step = chance.choice([2, 2, 2, 4, 1, 3])
        self.dent = chance.choice([0, self.step])
        self.comments = chance.choice([0, 0, 0.1, 0.4])
        self.flow = chance.choice([0, 0.05, 0.3, 1])
        self.number = 0

    def file(self) -> str:
        """The text of a whole file."""
        objects = [self.object() for _ in range(self.chance.choice([1, 1, 1, 2, 3]))]
        style = self.chance.random()
        if style < 0.1:
            return self.json(objects[0])
        if style < 0.2:
            objects = [{"apiVersion": "v1", "kind": "List", "items": objects}]
        lines: list[str] = self.pick([], ["# head"], ["---"], ["# head", "---"])
        for at, obj in enumerate(objects):
            lines += ["---" + self.pick("", " ", " # next")] if at else []
            lines += self.mapping(obj, 0)
        lines += self.pick([], [], ["---"], ["..."], ["", "# tail"])
        text = "\n".join(lines) + "\n"
        return text.replace("\n", "\r\n") if self.chance.random() < 0.1 else text

    def object(self) -> dict[str, Any]:
        """A workload, or something else."""
        if self.chance.random() < 0.15:
            return dict(self.chance.choice(OTHERS))
        pod = {"metadata": {"labels": {"app": "a"}}, "spec": self.pod_spec()}
        kind = self.chance.choice(["Pod", "Deployment", "CronJob", "StatefulSet"])
        head: dict[str, Any] = {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web"}}
        if kind == "Pod":
            return {**head, "apiVersion": "v1", "spec": pod["spec"]}
        if kind == "CronJob":
            spec = {"schedule": "@daily", "jobTemplate": {"spec": {"template": pod}}}
            return {**head, "apiVersion": "batch/v1", "spec": spec}
        return self.shuffled({**head, "spec": self.shuffled({"selector": {}, "replicas": 1, "template": pod})})

    def pod_spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = {"containers": [self.container(at) for at in range(self.chance.choice([1, 1, 2, 3]))]}
        if self.chance.random() < 0.2:
            spec["initContainers"] = [self.container(9)]
        if self.chance.random() < 0.4:
            spec["volumes"] = self.pick([], [{"name": "v", "emptyDir": {}}])
        if self.chance.random() < 0.3:
            spec["securityContext"] = self.pick({}, None, {"fsGroup": 5})
        return self.shuffled(spec)

    def container(self, at: int) -> dict[str, Any]:
        fields: dict[str, Any] = {"name": f"ctr-{at}", "image": "nginx"}
        if self.chance.random() < 0.3:
            fields["args"] = [self.string() for _ in range(self.chance.choice([0, 1, 2]))]
        if self.chance.random() < 0.3:
            fields["env"] = [{"name": "A", "value": self.string()}, {"name": "B", "value": self.chance.choice(TEXTS)}]
        if self.chance.random() < 0.2:
            fields["resources"] = {"limits": {"cpu": 1}}
        if self.chance.random() < 0.6:
            fields["securityContext"] = self.security_context()
        return self.shuffled(fields)

    def security_context(self) -> dict[str, Any] | None:
        if self.chance.random() < 0.2:
            return self.pick(None, {})
        fields: dict[str, Any] = {}
        if self.chance.random() < 0.4:
            fields["runAsUser"] = 101
        if self.chance.random() < 0.3:
            fields["allowPrivilegeEscalation"] = self.pick(True, False, None)
        if self.chance.random() < 0.1:
            fields["privileged"] = self.pick(True, False)
        if self.chance.random() < 0.6:
            fields["capabilities"] = self.pick(None, {}, self.capabilities(), self.capabilities())
        return self.shuffled(fields)

    def capabilities(self) -> dict[str, Any]:
        some = self.chance.sample(NAMES, self.chance.choice([0, 1, 1, 2, 3]))
        adds = [name for name in NAMES if name.upper() != "ALL" and name not in some]
        lists = {"drop": self.pick(some, some, None), "add": self.pick([], None, adds[:1], adds[1:3])}
        return self.shuffled({key: value for key, value in lists.items() if self.chance.random() < 0.7})

    def json(self, obj: dict[str, Any]) -> str:
        """The object as JSON, in one of the layouts that are about."""
        indent = self.pick(None, 2, 4, "\t")
        text = json.dumps(
            obj, indent=indent, separators=self.pick(None, (",", ":")), ensure_ascii=self.pick(True, False)
        )
        return text + self.pick("", "\n")

    def mapping(self, obj: dict[str, Any], column: int) -> list[str]:
        """The lines of a mapping in block style."""
        lines: list[str] = []
        for key, value in obj.items():
            lines += self.above(column)
            name = " " * column + self.pick(key, key, key, f'"{key}"', f"'{key}'") + self.pick("", "", "", " ") + ":"
            lines += self.valued(name, value, column)
        return lines

    def valued(self, name: str, value: Any, column: int) -> list[str]:
        """A key's line with its value, and the lines that follow."""
        is_text = isinstance(value, str) and value.endswith("\n")
        if is_text and self.chance.random() < 0.7:
            mark = {0: "-", 1: "", 2: "+", 3: "+"}[len(value) - len(value.rstrip("\n"))]
            indicator = str(self.step) if value.startswith(" ") else ""
            body = textwrap.indent(value, " " * (column + self.step), lambda line: bool(line.strip()))
            return [f"{name} |{indicator}{mark}", *body.split("\n")[:-1]]
        if isinstance(value, dict) and value and not self.in_flow():
            return [name + self.behind(), *self.mapping(value, column + self.step)]
        if isinstance(value, list) and value and not self.in_flow():
            return [name + self.behind(), *self.items(value, column + self.dent)]
        if value is None:
            return [name + self.pick("", " null", " ~") + self.behind()]
        return [f"{name} {self.inline(value)}{self.behind()}"]

    def items(self, values: list[Any], column: int) -> list[str]:
        """The lines of a list in block style."""
        lines: list[str] = []
        dash = " " * column + "-" + " " * self.pick(1, 1, 3)
        for value in values:
            lines += self.above(column)
            if isinstance(value, dict) and value and not self.in_flow():
                inner = self.mapping(value, len(dash))
                first = next(at for at, line in enumerate(inner) if line.strip() and not line.strip().startswith("#"))
                lines += [*inner[:first], dash + inner[first][len(dash) :], *inner[first + 1 :]]
            else:
                lines.append(f"{dash}{self.inline(value)}{self.behind()}")
        return lines

    def inline(self, value: Any) -> str:
        """A value in flow style, or a scalar."""
        if isinstance(value, dict):
            blank = self.pick("", " ")
            return "{" + blank + ", ".join(f"{key}: {self.inline(inner)}" for key, inner in value.items()) + blank + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(self.inline, value)) + "]"
        if not isinstance(value, str):
            return json.dumps(value)
        if value in NAMES or (value.replace("-", "").replace("/", "").isalpha() and value not in ("yes", "null", "x")):
            return self.pick(value, f'"{value}"', f"'{value}'")
        return json.dumps(value, ensure_ascii=self.pick(True, False) and value.isascii())

    def above(self, column: int) -> list[str]:
        """What may stand between two lines."""
        if self.chance.random() >= self.comments:
            return []
        return self.pick([""], [" " * column + f"# {self.next()}"], ["", f"# {self.next()}"])

    def behind(self) -> str:
        """A comment behind a value."""
        if self.chance.random() >= self.comments:
            return self.pick("", "", "", " ")
        return self.pick("  # ", "\t# ") + self.next()

    def next(self) -> str:
        self.number += 1
        return f"c{self.number};"

    def in_flow(self) -> bool:
        return self.chance.random() < self.flow

    def string(self) -> str:
        return self.chance.choice(STRINGS)

    def shuffled(self, obj: dict[str, Any]) -> dict[str, Any]:
        keys = list(obj)
        self.chance.shuffle(keys)
        return {key: obj[key] for key in keys}

    def pick(self, *choices: T) -> T:
        return self.chance.choice(choices)
