"""What replaces capabilities: sysctls, a user, folders that can be written; and a pod that satisfies restricted."""

from typing import Any

import msgspec
import pytest

from kubectl_caps.core.fit.replacements import (
    RestrictedPod,
    irreplaceable,
    replacement_notes,
    restricted_patch,
    restricted_spec,
    sysctls_for,
    unwritable_folder,
)
from kubectl_caps.core.harden.restricted import what_is_left
from kubectl_caps.core.kubernetes.pod import PodTemplate

LINES = [
    ('open() "/var/log/nginx/error.log" failed (13: Permission denied)', "/var/log/nginx"),
    ('mkdir() "/var/lib/nginx/body" failed (13: Permission denied)', "/var/lib/nginx"),
    ("mkdir: can't create directory '/data/': Permission denied", "/data"),
    ("touch: /run/app.pid: Permission denied", "/run"),
    ("cannot create /cache/x: Read-only file system", "/cache"),
    ('open() "/etc/nginx/nginx.conf" failed (13: Permission denied)', None),
    ("bind() to 0.0.0.0:80 failed (13: Permission denied)", None),
    ("/usr/bin/x: Permission denied", None),
    ("all is well in /data/x", None),
]


@pytest.mark.parametrize(("line", "folder"), LINES)
def test_a_line_names_the_folder_that_has_to_be_writable(line: str, folder: str | None) -> None:
    assert unwritable_folder(line) == folder


OWN: list[dict[str, Any]] = [
    {"containers": [{"name": "c", "image": "i"}]},
    {"containers": [{"name": "c", "image": "i", "securityContext": {"runAsUser": 0, "privileged": True}}]},
    {
        "securityContext": {"runAsNonRoot": False, "sysctls": [{"name": "net.ipv4.ping_group_range", "value": "1 0"}]},
        "initContainers": [{"name": "i", "image": "i", "securityContext": {"seccompProfile": {"type": "Unconfined"}}}],
        "containers": [{"name": "c", "image": "i", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
        "volumes": [{"name": "v", "emptyDir": {}}],
    },
]


@pytest.mark.parametrize("own", OWN, ids=lambda own: str(own)[:60])
def test_the_pod_satisfies_restricted_and_the_patch_makes_the_same(own: dict[str, Any]) -> None:
    wanted = RestrictedPod(33, sysctls_for(["NET_RAW", "NET_BIND_SERVICE"]), frozenset({("c", "/run")}))
    names = [item["name"] for key in ("initContainers", "containers") for item in own.get(key, ())]
    made = restricted_spec(own, names, wanted)
    assert list(what_is_left({"spec": made})) == []
    pod = msgspec.convert({"spec": made}, PodTemplate)
    assert pod.spec.security.run_as_user == 33
    assert [sysctl.value for sysctl in pod.spec.security.sysctls or ()] == ["0 2147483647", "0"]
    assert {"name": "writable-0", "mountPath": "/run"} in made["containers"][-1]["volumeMounts"]
    patch = restricted_patch(own, made)
    assert patch["volumes"] == [{"name": "writable-0", "emptyDir": {}}]
    assert patch["containers"][0]["securityContext"] == made["containers"][0]["securityContext"]


def test_replacements_and_irreplaceable_capabilities_are_named() -> None:
    needed = frozenset({("c", "SETUID"), ("c", "SYS_TIME"), ("d", "SETUID")})
    assert replacement_notes(needed) == ["instead of SETUID: runAsUser: start as the user that it changes to"]
    assert irreplaceable(needed) == ["SYS_TIME"]
