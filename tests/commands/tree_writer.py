"""Random trees of files as strangers have them, with the names of the complete objects that are in them."""

import json
import os
from pathlib import Path
from random import Random
from typing import Any

_GOOD = {
    "runAsNonRoot": True, "runAsUser": 1000, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}  # fmt: skip
_BAD = {"privileged": True}
_NO_PODS: list[dict[str, Any]] = [
    {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}},
    {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 3}},
]
_FLATTENED: list[dict[str, Any]] = [
    {"spec": {"securityContext": {"privileged": True}}},
    {"spec": {"hostNetwork": True}},
    {"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}},
    {"spec": {"driver": {"image": "i", "securityContext": {"runAsUser": 0}}}},
]
_PARTS: list[dict[str, Any]] = [
    {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 2}},
    {"apiVersion": "apps/v1", "kind": "StatefulSet", "spec": {"template": {"spec": {"containers": [{"name": "c"}]}}}},
    {"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Running"}},
]
_NO_OBJECTS = ["a: b\n", "- hosts: all\n", "", "# only a comment\n"]
_NOT_READABLE = [
    "a: [\n",
    "kind: {{ .Values.kind }}\napiVersion: v1\n",
    "kind: Pod\n",
    "apiVersion: v1\nkind: Pod\n- a\n",
]


class Tree:
    """A tree below `root`. `complete` are the names of the objects that a cluster would make pods of.

    `faults` is how likely something is that cannot be judged, or is privileged.
    """

    def __init__(self, root: Path, chance: Random, faults: float) -> None:
        self.root, self.chance, self.faults = root, chance, faults
        self.complete: set[str] = set()
        self.bad: set[str] = set()
        self.listable: list[Path] = []
        self._folder(root, 0)

    def _often(self, share: float) -> bool:
        return self.chance.random() < share

    def _folder(self, folder: Path, depth: int) -> None:
        folder.mkdir(exist_ok=True)
        for number in range(self.chance.randint(1, 3)):
            self._file(folder, number)
        for number in range(self.chance.randint(0, 2) if depth < 2 else 0):
            self._folder(folder / f"sub{number}", depth + 1)
        if self._often(0.4):
            listed = [path for path in self.listable if path.parent == folder or self._often(0.1)]
            names = [os.path.relpath(path, folder) for path in listed if self._often(0.5)]
            self._kustomization(folder, names)
        if self._often(self.faults):
            (folder / "Chart.yaml").write_text("name: chart\n")
            self._folder(folder / "templates", 2)
        if self._often(self.faults):
            (folder / "dangling.yaml").symlink_to("nowhere")
        if self._often(0.1) and folder != self.root:
            (folder / "up").symlink_to("..")

    def _kustomization(self, folder: Path, listed: list[str]) -> None:
        content: dict[str, Any] = {"resources": listed}
        if self._often(0.3):
            content["namespace"] = "moved"
        if self._often(0.2):
            content |= {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}
        if self._often(self.faults):
            content[self.chance.choice(["patches", "patchesJson6902"])] = [{"path": name} for name in listed]
        elif "kind" in content and self._often(0.5):
            content["patchesStrategicMerge"] = listed
        if not listed:
            content["configMapGenerator"] = [{"name": "m", "literals": ["a=b"]}]
        name = self.chance.choice(["kustomization.yaml", "kustomization.yml", "Kustomization"])
        more = f"\n---\n{json.dumps(self._complete())}\n" if self._often(self.faults) else ""
        (folder / name).write_text(json.dumps(content) + more)

    def _file(self, folder: Path, number: int) -> None:
        objects = False
        if self._often(0.15):
            text, suffix = self.chance.choice(_NO_OBJECTS), "yaml"
        elif self._often(self.faults):
            text, suffix = self.chance.choice(_NOT_READABLE), "yaml"
        else:
            objects = True
            text, suffix = self._documents([self._object() for _ in range(self.chance.randint(1, 3))])
        name = f"f{number}.{suffix}"
        (folder / name).write_text(text)
        if objects:
            self.listable.append(folder / name)

    def _documents(self, objects: list[dict[str, Any]]) -> tuple[str, str]:
        style = self.chance.choice(["documents", "list", "values", "directive"])
        if style == "list":
            return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}), self.chance.choice(
                ["json", "yml"]
            )
        if style == "values":
            return "\n".join(map(json.dumps, objects)), "json"
        head = "# head\n---\n" if style == "directive" else ""
        return head + "\n---\n".join(json.dumps(one, indent=1) for one in objects) + "\n", "yaml"

    def _object(self) -> dict[str, Any]:
        if self._often(self.faults):
            return {
                "apiVersion": "example.com/v1",
                "kind": "Agent",
                "metadata": {"name": "a"},
                **self.chance.choice(_FLATTENED),
            }
        if self._often(0.3):
            return self.chance.choice(_NO_PODS)
        if self._often(0.2):
            return {**self.chance.choice(_PARTS), "metadata": {"name": "part"}}
        return self._complete()

    def _complete(self) -> dict[str, Any]:
        name = f"o{len(self.complete)}"
        self.complete.add(name)
        is_bad = self._often(self.faults)
        if is_bad:
            self.bad.add(name)
        spec = {"containers": [{"name": "c", "image": "i", "securityContext": _BAD if is_bad else _GOOD}]}
        kind = self.chance.choice(["Pod", "Deployment", "CronJob", "Job", "Task", "SparkApplication"])
        of_role = {"securityContext": _GOOD}
        template = {"metadata": {"labels": {"a": "b"}}, "spec": spec}
        versions = {
            "Pod": "v1",
            "Deployment": "apps/v1",
            "CronJob": "batch/v1",
            "Job": "batch/v1",
            "Task": "tekton.dev/v1",
            "SparkApplication": "sparkoperator.k8s.io/v1beta2",
        }
        specs: dict[str, Any] = {
            "Pod": spec,
            "Deployment": {"selector": {"matchLabels": {"a": "b"}}, "template": template},
            "CronJob": {"schedule": "@daily", "jobTemplate": {"spec": {"template": template}}},
            "Job": {"template": template},
            "Task": {"steps": spec["containers"]},
            "SparkApplication": {"driver": of_role, "executor": {**of_role, "sidecars": spec["containers"]}},
        }
        return {"apiVersion": versions[kind], "kind": kind, "metadata": {"name": name}, "spec": specs[kind]}
