"""Writes the policy in CEL, as variables that use earlier variables. Only the parameters differ between engines.

CEL has no clock. An exemption ends by the newest time in the object's own metadata. On CREATE the API server sets
`creationTimestamp` before it validates, whatever the client sent (k8s.io/apiserver pkg/registry/rest/create.go
BeforeCreate). On UPDATE the server writes the time of the request for the fields that the request sets
(`managedFields`). A change that only removes fields leaves no time. The pods of such a template are judged by the time
of their own creation.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from kubectl_caps.core.kubernetes.made_pods import COUNTS_AS
from kubectl_caps.core.policy import model
from kubectl_caps.core.policy.identity import MAKERS


class Variable(Struct, frozen=True):
    """A named expression. Later expressions use it as `variables.NAME`."""

    name: str
    expression: str


def _made_by() -> str:
    """The expression for the keys of the workloads that make a ReplicaSet, a Job or a ReplicationController."""
    text = "[]"
    for kind, makers in MAKERS.items():
        keys = ", ".join(f"'{maker}{model.SEPARATOR}' + variables.stem" for maker in makers)
        text = f"(variables.owner.startsWith('{kind}{model.SEPARATOR}') ? [{keys}] : {text})"
    return text


_KIND = "{kind}.lowerAscii() + ({group} == '' ? '' : '.' + {group}) + '_' + {name}"
_OWNER_GROUP = "(o.apiVersion.contains('/') ? o.apiVersion.split('/')[0] : '')"
_OWNER = _KIND.format(kind="o.kind", group=_OWNER_GROUP, name="o.name")
_NAME = "dyn(object).metadata.?name.orValue('')"
_SELF = _KIND.format(kind="request.kind.kind", group="request.kind.group", name=_NAME)
_TEMPLATES = {"Pod": "object", "CronJob": "object.spec.jobTemplate.spec.template", "PodTemplate": "object.template"}


def _template() -> str:
    chain = "dyn(object).spec.template"
    for kind, place in _TEMPLATES.items():
        chain = f"request.kind.kind == '{kind}' ? dyn({place.partition('.')[0]}){place[len('object') :]} : {chain}"
    return chain


_BOTH = "c.of.?{field}.orValue(variables.pod.?{field}.orValue({absent}))"
"""The expression for a field of a container, or of the pod if the container does not set the field."""


def _list(where: str, words: str) -> str:
    return f"variables.held.filter(c, {where}).map(c, 'container ' + c.name + ': {words}')"


_GRANTED = f"(c.privileged && '{model.PRIVILEGED}' in c.may)"
_NAMED = "(a.upperAscii() in c.may || (a.upperAscii().startsWith('CAP_') && a.upperAscii().substring(4) in c.may))"
_OVER = f"c.add.filter(a, !{_NAMED})"

_REQUEST: Final = (
    Variable("ephemeral", "request.?subResource.orValue('') == 'ephemeralcontainers'"),
    Variable("template", _template()),
    Variable("spec", "variables.template.spec"),
    Variable("pod", "variables.spec.?securityContext.orValue({})"),
    Variable(
        "skipped",
        "variables.spec.?os.?name.orValue('') == 'windows' || "
        "(request.?operation.orValue('') == 'UPDATE' && !variables.ephemeral && (request.kind.kind == 'Pod' || "
        f"variables.template == ({_template().replace('dyn(object)', 'dyn(oldObject)')})))",
    ),
    Variable(
        "times",
        "([dyn(object).metadata.?creationTimestamp.orValue('')] + "
        "dyn(object).metadata.?managedFields.orValue([]).map(m, m.?time.orValue(''))).filter(t, t != '')",
    ),
)
"""The request: the pod template, and whether it is judged. Windows pods, unchanged templates and updated pods are
skipped: Windows has no capabilities, and an unchanged template or an updated pod was judged before."""

_FORMER_ACCOUNT = "variables.spec.?serviceAccount.orValue('default')"
_WHO: Final = (
    Variable("controllers", f"variables.data[?'{model.CONTROLLERS_KEY}'].orValue('').split(',')"),
    Variable(
        "owners",
        "request.?userInfo.?username.orValue('') in variables.controllers || request.?operation.orValue('') == '' ? "
        "dyn(object).metadata.?ownerReferences.orValue([]).filter(o, o.?controller.orValue(false))"
        f".map(o, {_OWNER}) : []",
    ),
    Variable("owner", f"variables.owners.size() > 0 ? variables.owners[0] : {_SELF}"),
    Variable(
        "stem",
        "variables.owner.split('_')[1].lastIndexOf('-') > 0 ? "
        "variables.owner.split('_')[1].substring(0, variables.owner.split('_')[1].lastIndexOf('-')) : "
        "variables.owner.split('_')[1]",
    ),
    Variable("made", f"variables.owners.size() > 0 ? {_made_by()} + [{_SELF}] : []"),
    Variable(
        "account", "variables.spec.?serviceAccountName.orValue(variables.spec.?serviceAccount.orValue('default'))"
    ),
    Variable(
        "tried",
        f"request.?dryRun.orValue(false) ? dyn(object).metadata.?annotations[?'{COUNTS_AS}'].orValue('') : ''",
    ),
    Variable("named", "variables.tried != '' ? [variables.tried] : [variables.owner] + variables.made"),
    Variable(
        "keys",
        "variables.ephemeral ? [] : variables.named.filter(k, k in variables.data && "
        f"(variables.data[k] == '{model.ANY_ACCOUNT}' || variables.data[k] == variables.account))",
    ),
    Variable("key", "variables.keys.size() > 0 ? variables.keys[0] + '_' : ''"),
)
"""The workload that the object counts for, as in identity.py."""

_OLD = "dyn(oldObject).spec.?ephemeralContainers.orValue([]).map(c, c.name)"
_HELD: Final = (
    Variable(
        "judged",
        "variables.skipped ? [] : variables.ephemeral ? "
        f"variables.spec.?ephemeralContainers.orValue([]).filter(c, !(c.name in {_OLD})) : "
        "variables.spec.?initContainers.orValue([]) + variables.spec.containers",
    ),
    Variable(
        "held",
        "variables.judged.map(c, {"
        "'name': dyn(c.name), "
        "'of': dyn(c.?securityContext.orValue({})), "
        "'privileged': dyn(c.?securityContext.?privileged.orValue(false)), "
        "'add': dyn(c.?securityContext.?capabilities.?add.orValue([])), "
        "'drop': dyn(variables.later && !c.?securityContext.?capabilities.hasValue() ? ['ALL'] : "
        "c.?securityContext.?capabilities.?drop.orValue([])), "
        "'may': dyn((variables.key == '' ? '' : variables.data[?variables.key + c.name].orValue('')).split(',')"
        ".filter(t, t != '' && (!t.contains('@') || "
        "(variables.times.size() > 0 && variables.times.all(now, now < t.split('@')[1] + 'T24'))))"
        ".map(t, t.split('@')[0]))})",
    ),
)
"""The judged containers, each with the grants that count today."""

_RULES: Final = (
    Variable("privileged", _list(f"c.privileged && !('{model.PRIVILEGED}' in c.may)", "privileged")),
    Variable(
        "drop",
        _list(f"!('ALL' in c.drop) && !('{model.DEFAULTS}' in c.may) && !{_GRANTED}", "capabilities.drop lacks ALL"),
    ),
    Variable(
        "add",
        f"variables.held.filter(c, !('ALL' in c.may) && !{_GRANTED} && {_OVER}.size() > 0)"
        f".map(c, 'container ' + c.name + ': capabilities.add has ' + {_OVER}.join(', '))",
    ),
    Variable(
        "escalation",
        _list(
            "c.of.?allowPrivilegeEscalation.orValue(!variables.later) && "
            f"!('{model.ESCALATION}' in c.may) && !{_GRANTED}",
            "allowPrivilegeEscalation is not false",
        ),
    ),
    Variable(
        "procMount",
        "variables.held.filter(c, c.of.?procMount.orValue('Default') != 'Default' && "
        f"!('{model.PROC_MOUNT}' in c.may)).map(c, 'container ' + c.name + ': procMount has ' + c.of.procMount)",
    ),
    Variable(
        "appArmor",
        _list(
            f"{_BOTH.format(field='appArmorProfile', absent='{}')}.?type.orValue('') == 'Unconfined' && "
            f"!('{model.APP_ARMOR}' in c.may)",
            "appArmorProfile has Unconfined",
        ),
    ),
    Variable(
        "nonRoot",
        _list(
            f"'{model.NON_ROOT}' in c.may && !{_BOTH.format(field='runAsNonRoot', absent='false')}",
            "runAsNonRoot is not true",
        ),
    ),
    Variable(
        "user",
        _list(
            f"'{model.USER}' in c.may && {_BOTH.format(field='runAsUser', absent='0')} == 0",
            "runAsUser is not set, or is 0",
        ),
    ),
    Variable(
        "seccomp",
        _list(
            f"'{model.SECCOMP}' in c.may && !({_BOTH.format(field='seccompProfile', absent='{}')}.?type.orValue('') in "
            "['RuntimeDefault', 'Localhost'])",
            "seccompProfile is neither RuntimeDefault nor Localhost",
        ),
    ),
)
"""One variable for each rule of judge.py, in the same order and with the same words."""

REFUSED: Final = " + ".join(f"variables.{rule.name}" for rule in _RULES)
ALLOWED: Final = "variables.refused.size() == 0"
MESSAGE: Final = "variables.who + variables.refused.join('; ')"


def variables(data: str, *, fills: bool = False) -> Iterator[Variable]:
    """All variables, each after the variables that it uses. `data` is the expression for the map of parameters.

    `fills` says that a mutating policy fills in the pods, so a template may leave out the same fields.
    """
    yield Variable("data", data)
    yield Variable("later", "request.kind.kind != 'Pod'" if fills else "false")
    yield from (*_REQUEST, *_WHO, *_HELD, *_RULES)
    yield Variable("refused", REFUSED)
    yield Variable("who", _SUBJECT)


_SUBJECT = (
    "(variables.ephemeral ? 'an ephemeral container' : variables.key == '' ? "
    "variables.named[0] + ' with service account ' + variables.account + ', which is in no line of the policy' : "
    "variables.keys[0]) + ': '"
)
