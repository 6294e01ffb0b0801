"""integrations/k9s/plugins.yaml: by k9s's own schema and key names, and each command run as k9s runs it."""

import contextlib
import fcntl
import json
import os
import re
import struct
import subprocess
import termios
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from testbed import build, golang, needs
from testbed.cluster import Cluster

PLUGINS: Mapping[str, dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[2] / "integrations" / "k9s" / "plugins.yaml").read_text()
)["plugins"]
K9S = "github.com/derailed/k9s@v0.50.16"


@cache
def k9s() -> Path:
    """k9s's source, from the Go module proxy."""
    go = golang.compiler(build.cache())
    environment = {**golang.environment(go), "GOFLAGS": "-mod=mod"}
    command = [str(go), "mod", "download", "-json", K9S]
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=True)
    return Path(json.loads(done.stdout)["Dir"])


@pytest.fixture
def source() -> Path:
    """k9s's source; where this machine has no Go, nothing is asked of it, as for the clusters."""
    if needs.missing("api"):
        pytest.skip("no Go for k9s's source")
    return k9s()


def test_k9s_takes_the_file(source: Path) -> None:
    schema = json.loads((source / "internal/config/json/schemas/plugins.json").read_text())
    fields = schema["properties"]["plugins"]["additionalProperties"]
    fields["additionalProperties"] = False  # a misspelt field has no effect in k9s
    jsonschema.validate({"plugins": PLUGINS}, schema)


def test_the_keys_are_k9s_own_names_and_free_in_every_view(source: Path) -> None:
    """k9s refuses a plugin whose key its view uses. `ui.KeyShiftE` is how its source names a key."""
    keys = [plugin["shortCut"] for plugin in PLUGINS.values()]
    assert len(set(keys)) == len(keys)
    names = (source / "internal/ui/key.go").read_text()
    views = [path for folder in ("ui", "view") for path in (source / "internal" / folder).glob("*.go")]
    text = "".join(path.read_text() for path in views if path.name != "key.go" and not path.name.endswith("_test.go"))
    used = set(re.findall(r"\bKeyShift([A-Z])\b", text))
    assert {"C", "L"} <= used
    for key in keys:
        assert f'"{key}"' in names
        assert key.removeprefix("Shift-") not in used, key


def substituted(argument: str, variables: Mapping[str, str]) -> str:
    """An argument as k9s's internal/view/env.go makes it: unknown variables stay."""
    found = re.compile(r"\$(!?)([\w\-]+)|\$\{(!?)([\w\-%/: ]+)}")
    return found.sub(lambda match: variables.get((match[2] or match[4]).upper(), match[0]), argument)


def test_only_variables_of_k9s_stand_in_the_arguments(source: Path) -> None:
    told = set(re.findall(r"^\* `\$([A-Z_]+)`", (source / "README.md").read_text(), re.MULTILINE))
    for plugin in PLUGINS.values():
        _, script, *arguments = plugin["args"]
        assert re.findall(r"\$[A-Z{]", script) == []
        assert set(re.findall(r"\$(\w+)", " ".join(arguments))) <= told


SPEC = {"containers": [{"name": "c", "image": "none:1"}], "schedulerName": "nobody"}
TEMPLATE = {"metadata": {"labels": {"app": "w"}}, "spec": SPEC}
ONCE = {"metadata": {"labels": {"app": "w"}}, "spec": {**SPEC, "restartPolicy": "Never"}}
SELECTED = {"selector": {"matchLabels": {"app": "w"}}, "template": TEMPLATE}
OBJECTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "pods": ("v1", "Pod", SPEC),
    "deployments": ("apps/v1", "Deployment", {"replicas": 0, **SELECTED}),
    "statefulsets": ("apps/v1", "StatefulSet", {"replicas": 0, "serviceName": "w", **SELECTED}),
    "daemonsets": ("apps/v1", "DaemonSet", SELECTED),
    "replicasets": ("apps/v1", "ReplicaSet", {"replicas": 0, **SELECTED}),
    "replicationcontrollers": ("v1", "ReplicationController", {"replicas": 0, "template": TEMPLATE}),
    "jobs": ("batch/v1", "Job", {"suspend": True, "template": ONCE}),
    "cronjobs": ("batch/v1", "CronJob", {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": ONCE}}}),
}
"""One object of each scope, without pods."""
ENDS = {
    "caps-inspect": {"": "EFFECTIVE"},
    "caps-inspect-live": {"": "EFFECTIVE"},
    "caps-fit": {"": "[y/N]"},
    "caps-harden-dry-run": {
        "pods": "kubectl replace --force",
        "jobs": "kubectl replace --force",
        "": "(server dry run)",
    },
    "caps-harden": {"": "patched"},
}
"""What the user sees of each plugin, by scope."""


def on_terminal(command: list[str], environment: Mapping[str, str]) -> str:
    """What a command shows on a terminal of its own, where somebody answers no to a question and then presses a key."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 500, 200, 0, 0))
    with subprocess.Popen(
        command, env=environment, start_new_session=True, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # EIO: the last program has ended
            while part := os.read(ours, 4096):
                shown += part
                if b"[y/N]" in part:
                    os.write(ours, b"n\n")
                if b"Press any key." in part:
                    os.write(ours, b"q")
        os.close(ours)
        assert process.wait(10) in (0, 1), shown
    return shown.decode()


@pytest.mark.parametrize(
    ("name", "scope"), [(name, scope) for name, plugin in PLUGINS.items() for scope in plugin["scopes"]]
)
def test_each_command_runs_as_k9s_runs_it(api_cluster: Cluster, namespace: str, name: str, scope: str) -> None:
    version, kind, spec = OBJECTS[scope]
    body = {"apiVersion": version, "kind": kind, "metadata": {"name": "w"}, "spec": spec}
    api_cluster.kubectl("create", "-n", namespace, "-f", "-", input=json.dumps(body))
    variables = {"RESOURCE_NAME": scope, "NAME": "w", "NAMESPACE": namespace, "CONTEXT": "test"}
    variables["KUBECONFIG"] = str(api_cluster.kubeconfig)
    plugin = PLUGINS[name]
    command = [plugin["command"], *(substituted(argument, variables) for argument in plugin["args"])]
    settings = {"KUBECONFIG": "/nonexistent", "TERM": "xterm", "LESS": "-FX"}  # less ends where everything fits
    text = on_terminal(command, {**api_cluster.environment, **settings})
    assert ENDS[name].get(scope, ENDS[name][""]) in text
    assert ("Press any key." in text) == ("Press any key." in plugin["args"][1])
