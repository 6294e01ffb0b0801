"""SELinux users, roles and types may not be chosen freely.

Fields:
    spec.securityContext.seLinuxOptions
    spec.containers[*].securityContext.seLinuxOptions
    spec.initContainers[*].securityContext.seLinuxOptions
    spec.ephemeralContainers[*].securityContext.seLinuxOptions

Allowed:
    type: unset, empty, container_t, container_init_t, container_kvm_t; from v1.31 also container_engine_t
    user, role: unset, empty

Passes:
    spec:
      containers:
      - name: web
        securityContext:
          seLinuxOptions:
            type: container_t

Fails:
    spec:
      containers:
      - name: web
        securityContext:
          seLinuxOptions:
            type: spc_t
"""

from collections.abc import Iterator

from kubectl_caps.core.kubernetes.container import SELinuxOptions
from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.core.kubernetes.pod import PodTemplate, members
from kubectl_caps.core.podsecurity.checks.check import (
    Check,
    Finding,
    Offender,
    Revision,
    finding,
    go_sorted,
    offenders_in_words,
    quoted,
)
from kubectl_caps.core.text import plural

_TYPES = frozenset(("", "container_t", "container_init_t", "container_kvm_t"))
_FIELD: Path = ("securityContext", "seLinuxOptions")


def se_linux_options_1_0(template: PodTemplate) -> Finding | None:
    """The field level is not judged."""
    return _check(template, _TYPES)


def se_linux_options_1_31(template: PodTemplate) -> Finding | None:
    """Allows one more type."""
    return _check(template, _TYPES | {"container_engine_t"})


def _check(template: PodTemplate, types: frozenset[str]) -> Finding | None:
    wrong = [
        (name, (*path, field), field, value)
        for name, path, options in _options(template)
        for field, value, allowed in (
            ("type", options.type or "", types),
            ("user", options.user or "", ("",)),
            ("role", options.role or "", ("",)),
        )
        if value not in allowed
    ]
    if not wrong:
        return None
    offenders = [Offender(name, path) for name, path, _, _ in wrong]
    bad_types = go_sorted(value for _, _, field, value in wrong if field == "type")
    data = [f"{plural('type', len(bad_types))} {quoted(bad_types)}"] if bad_types else []
    data += [f"{field} may not be set" for field in ("user", "role") if any(entry[2] == field for entry in wrong)]
    subjects = [Offender(name, ()) for name in dict.fromkeys(offender.container for offender in offenders)]
    detail = f"{offenders_in_words(subjects)} set forbidden securityContext.seLinuxOptions: {'; '.join(data)}"
    return finding("seLinuxOptions", detail, offenders)


def _options(template: PodTemplate) -> Iterator[tuple[str | None, Path, SELinuxOptions]]:
    if template.spec.security.se_linux_options is not None:
        yield None, ("spec", *_FIELD), template.spec.security.se_linux_options
    for member in members(template.spec):
        if member.container.security.se_linux_options is not None:
            yield member.container.name, (*member.path, *_FIELD), member.container.security.se_linux_options


CHECK = Check("seLinuxOptions", "baseline", (Revision(0, se_linux_options_1_0), Revision(31, se_linux_options_1_31)))
