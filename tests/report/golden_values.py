"""Results of each kind that hold everything that a cluster can bring into them, made by hand.

Texts are as short as they can be: what the rules and the rollout say is tested where it is said.
"""

from datetime import date
from typing import Any

from msgspec.structs import replace

from kubectl_caps.core.assess.assessment import (
    Assessment,
    ContainerAssessment,
    NodeRuntime,
    Observed,
    Predicted,
    RunningUser,
)
from kubectl_caps.core.assess.coverage import Coverage
from kubectl_caps.core.assess.exemptions import Exempted, Exemption
from kubectl_caps.core.assess.grants import Gain
from kubectl_caps.core.assess.process_differences import Difference
from kubectl_caps.core.assess.processes import Observation, Process
from kubectl_caps.core.diagnosis.line_cause import LineCause
from kubectl_caps.core.explain.log import Explanation
from kubectl_caps.core.fit.result import FitResult, Need, RestrictedAnswer, TraceAnswer, TrialEnd, TrialResult
from kubectl_caps.core.fit.search_types import Grants
from kubectl_caps.core.harden.aftermath import Aftermath, StoredSecurityContext
from kubectl_caps.core.harden.plan import Hardening, Note
from kubectl_caps.core.harden.result import Diagnosis, HardenResult, Suggestion
from kubectl_caps.core.kubernetes.container import Capabilities, Container, SecurityContext
from kubectl_caps.core.kubernetes.field_managers import ManagerEffect
from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.core.kubernetes.kinds import WORKLOADS
from kubectl_caps.core.kubernetes.patch import ABSENT, Change, Patch, between
from kubectl_caps.core.kubernetes.pod import Metadata, Pod, PodSpec, PodTemplate
from kubectl_caps.core.kubernetes.workloads import Workload, read_workloads
from kubectl_caps.core.label.verdicts import Labelling, RefusedWorkload
from kubectl_caps.core.linux.prediction import Prediction
from kubectl_caps.core.linux.runtimes import by_name
from kubectl_caps.core.linux.sets import CapabilitySet, ProcessSets
from kubectl_caps.core.podsecurity.policy import Policy
from kubectl_caps.core.podsecurity.registry import Violation
from kubectl_caps.core.trace.refusals import KernelRefusal
from kubectl_caps.core.trace.report import CallError, CapabilityCheck, MadeCall
from kubectl_caps.core.trace.usage import ContainerUsage, WorkloadUsage, container_usage
from kubectl_caps.core.warnings.registry import CapabilityWarning
from kubectl_caps.errors import AcceptedError, ApiError, ConfigError, InputError, NotObserved, Unreachable, UsageError

COVERAGE = Coverage(judged=3, passed_over=2, not_read=1)
ERRORS = (
    ApiError(403, "Forbidden", 'pods is forbidden: User "al" cannot list resource "pods"'),
    ApiError(599, "", "no reason"),
    Unreachable("no answer"),
    InputError("é.yaml:3: not judged \u2028 here"),
    NotObserved("pod/web-1: nothing to read with"),
    AcceptedError("b.yaml: a reason"),
    ConfigError("no context"),
    UsageError("one of the two"),
)
"""An error of each class."""

CONTEXT = {"context": "kind-a"}
TEMPLATE: Path = ("spec", "template")
NONE, ADMIN, NEWER = CapabilitySet(), CapabilitySet(1 << 21), CapabilitySet(1 << 41)
HELD = ProcessSets(ADMIN | NEWER, ADMIN, ADMIN, NONE, NONE, no_new_privs=False)
UNTOLD = ProcessSets(ADMIN, NONE, NONE, ADMIN, ADMIN, no_new_privs=None)
APP = Container(
    name="app", image="app:1", security_context=SecurityContext(capabilities=Capabilities(add=["NET_ADMIN"]))
)  # fmt: skip
VIOLATIONS = (
    Violation("baseline", "capabilities_baseline", "non-default capabilities", "app", ("app",), (("spec", "x", 0),)),
    Violation("restricted", "runAsNonRoot", "runAsNonRoot != true", "", (), ()),
)


def _workload(kind: str, api_version: str, name: str, path: Path, template: PodTemplate | None = None) -> Workload:
    metadata = Metadata(name=name, namespace="shop", uid=f"uid-{name}")
    spec = PodSpec(containers=[APP])
    made = template or (PodTemplate(spec=spec) if path else Pod(metadata=metadata, spec=spec))
    return Workload(
        api_version=api_version, kind=kind, metadata=metadata, template=made, path=path, source=CONTEXT
    )  # fmt: skip


WEB = _workload("Deployment", "apps/v1", "web", TEMPLATE)
POD = _workload("Pod", "v1", "web-1", ())


def _exempted(until: date | None, *, expired: bool) -> Exempted:
    exemption = Exemption(origin="exemptions.yaml:4", name="web", reason="pings", until=until)
    return Exempted("capability", "NET_ADMIN", exemption, expired)


def _container() -> ContainerAssessment:
    containerd = by_name("containerd")
    process = Process(1, 1, 0, "nginx", 0, HELD, 2)
    thread = Process(1, 7, 0, "nginx: worker", 33, UNTOLD)
    lost = (
        Difference("effective", "lost", ADMIN, "process", "it dropped them"),
        Difference("noNewPrivs", "gained", NONE, "runtime", None),
    )
    return ContainerAssessment(
        container=APP,
        role="main",
        declared=SecurityContext(
            capabilities=APP.capabilities, privileged=True, allow_privilege_escalation=False, run_as_user=33
        ),
        user=RunningUser(33, "status"),
        predicted=(
            Predicted(NodeRuntime(containerd, 2, "observed"), Prediction(HELD)),
            Predicted(
                NodeRuntime(by_name("cri-o"), 0, "assumed"), Prediction(UNTOLD, "no", ("a",), ("b",), ("c",), ("d",))
            ),
        ),
        risk="critical",
        warnings=(CapabilityWarning("unknown-capability", "what is wrong", ("spec", "containers", 0)),),
        observed=(
            Observed(Observation("web-1", "app", (process, thread)), ((process, ()), (thread, lost))),
            Observed(Observation("web-2", "app", miss="forbidden", why="no right"), ()),
        ),
        exempted=(_exempted(None, expired=False), _exempted(date(2025, 6, 30), expired=True)),
        counted="low",
        risk_on=("cri-o", "docker"),
    )


def assessments() -> list[Assessment]:
    """A Deployment with its pods, everything in it; and a pod of which little is known."""
    init, nobody = Container(name="init"), RunningUser(None, "image")
    bare = ContainerAssessment(init, "init", SecurityContext(), nobody, (), "unknown", ())
    return [
        Assessment(
            WEB, (_container(),), "critical", 37, "baseline", VIOLATIONS, ("web-1", "web-2"),
            exempted=(_exempted(None, expired=False),), counted=VIOLATIONS[:1],
        ),
        Assessment(POD, (bare,), "unknown", 30, None, ()),
    ]  # fmt: skip


def labellings() -> list[Labelling]:
    """A namespace that refuses workloads, one that is labeled, and one of which nothing was judged."""
    created = RefusedWorkload(WEB, VIOLATIONS, ("web-1",), created=True)
    as_written = RefusedWorkload(WEB, VIOLATIONS[:1])
    labels = {"pod-security.kubernetes.io/enforce": "baseline"}
    return [
        Labelling(
            "shop", {}, labels, Policy("baseline", "v1.30"), "enforce", (created, as_written), ("no answer",),
            ("a note",), "refused", "would refuse what is listed", 30, COVERAGE,
        ),
        Labelling("bar", labels, {}, Policy("restricted"), "warn", result="labeled", minor=37),
        Labelling("foo", labels, labels, Policy("privileged"), "audit", result="unknown", message="lost", minor=37),
    ]  # fmt: skip


def fits() -> list[FitResult]:
    """An answer that is proved, one that is not, a program that does not work today either, and a traced answer."""
    return [_proved(), _not_proved(), FitResult(_fitted(), [_trial(0, None, "failed")], message="it fails today"),
            traced_fit()]  # fmt: skip


def usages() -> list[WorkloadUsage]:
    """A whole record, and one of a kernel that only tells of failed calls, with a gap."""
    checks = (
        CapabilityCheck("app", "nginx", "SETUID", "setuid", granted=2),
        CapabilityCheck("app", "sh", "SYS_ADMIN", "brk", refused=7, optional="memory is reserved"),
    )
    whole = container_usage("app", {"SETUID", "KILL"}, checks, (), [MadeCall("app", "perl", "keyctl", 2)])
    failed = ContainerUsage("app", frozenset({"KILL"}), (), (CallError("app", "sh", "kill", "EPERM", 1),))
    return [
        WorkloadUsage(_fitted(), 2, 600.04, "capabilities", (whole,)),
        WorkloadUsage(_fitted(), 1, 60.0, "calls", (failed,), ("pod web-x: 3 events were lost",)),
    ]


def traced_fit() -> FitResult:
    """An answer with the kernel's evidence."""
    adds: Grants = frozenset({("app", "CHOWN")})
    refused = KernelRefusal("app", "CHOWN", "the kernel refused CHOWN to sh in chown, and the call failed")
    trials = [_trial(0, None, "passed"), _trial(1, adds, "passed"),
              replace(_trial(2, frozenset(), "failed"), kernel=(refused,))]  # fmt: skip
    need = Need("app", "CHOWN", trials[2], ("granted to sh in chown, once",))
    used = (CapabilityCheck("app", "sh", "CHOWN", "chown", granted=1),)
    answer = TraceAnswer("node-1", "capabilities", used, "", 1)
    return FitResult(_fitted(), trials, {"app": ("CHOWN",)}, (need,), result="found", trace=answer)


def _fitted() -> Workload:
    kind = next(kind for kind in WORKLOADS if kind.kind == "Deployment")
    return next(iter(read_workloads(kind, _deployment(None), {"context": "here"})))


def _trial(number: int, adds: Grants | None, outcome: TrialResult, names: str = "") -> TrialEnd:
    line = 'chown("/data", 33) failed (1: Operation not permitted)'
    cause = LineCause((names,), "chown", line, "log", "certain", "capability")
    message = "" if outcome == "passed" else "container app exited with code 1"
    named = (Diagnosis("app", cause),) if names else ()
    return TrialEnd(number, f"web-caps-fit-x7k2p-{number}", adds, outcome, 1.5, message, named)


def _proved() -> FitResult:
    adds: Grants = frozenset({("app", "CHOWN")})
    trials = [
        _trial(0, None, "passed"), _trial(1, frozenset(), "failed", "CHOWN"), _trial(2, adds, "passed"),
        _trial(3, adds, "passed"),
    ]  # fmt: skip
    return FitResult(
        _fitted(), trials, {"app": ("CHOWN",)}, (Need("app", "CHOWN", trials[1]),), ("host port 80 is left out",),
        ("instead of CHOWN: fsGroup",), ("container app: poll failed",),
        ("kubectl caps harden deployment.apps/web -n shop --add CHOWN",),
        {"app": {"capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}, "allowPrivilegeEscalation": False}},
        RestrictedAnswer("it works as user 33", {"securityContext": {"runAsUser": 33}}, 4), "found",
    )  # fmt: skip


def _not_proved() -> FitResult:
    adds: Grants = frozenset({("app", "KILL")})
    lifted = replace(_trial(1, adds, "notTried"), unconfined=("seccompProfile",))
    need = Need("app", "KILL", None)
    return FitResult(_fitted(), [lifted], {"app": ("KILL",)}, (need,), result="notProved", message="it works")


def jobs() -> list[HardenResult]:
    """A rollout that failed, a pod that cannot be changed, and an undo."""
    return [_failed(), _replaced(), _unchanged()]


def _deployment(context: dict[str, Any] | None) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "app", "image": "app:1"}
    container |= {} if context is None else {"securityContext": context}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u"},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


def _failed() -> HardenResult:
    obj = _deployment({"privileged": None, "capabilities": {"drop": ["NET_RAW"]}})
    patch = between(obj, _deployment({"capabilities": {"drop": ["ALL"]}, "allowPrivilegeEscalation": False}))
    kind = next(kind for kind in WORKLOADS if kind.kind == "Deployment")
    (workload,) = read_workloads(kind, obj, CONTEXT)
    context = StoredSecurityContext("spec.template", "app", {"capabilities": {"drop": ["ALL"]}})
    cause = LineCause(("CHOWN",), "chown", "chown: \u001b[0m no", "log", "certain", "capability")
    gain = Gain("app", "NET_ADMIN", "critical", ("cri-o",), expected=False)
    paths = (("spec", "replicas"), ("spec", "template", "spec", "containers", 0, "image"))
    return HardenResult(
        kind, obj, workload,
        Hardening(patch, (Note("app", "a note"), Note("", "of the pod")), (Note("app", "no"),), (gain,)),
        result="rolledBack",
        message="it failed",
        diagnoses=(Diagnosis("app", cause, "kubectl caps harden"),),
        suggestion=Suggestion({"app": ("CHOWN",)}, "baseline", "restricted"),
        remarks=("a remark",),
        effects=(
            ManagerEffect("Flux", "reverts", "soon", paths, "declared"),
            ManagerEffect("kubectl", "leaves", "", (), "no"),
        ),
        held=Change(("spec", "minReadySeconds"), ABSENT, 10),
        left=Aftermath(3, "kubectl-caps", [StoredSecurityContext("spec.template", "", None), context]),
    )  # fmt: skip


def _replaced() -> HardenResult:
    return HardenResult(
        WORKLOADS[0], {"metadata": {}}, POD, Hardening(Patch(())), result="refused", message="cannot be changed",
        run="x-caps-1a2b3",
        replacement={"kind": "Pod", "spec": {"n": 1.5}},
    )  # fmt: skip


def _unchanged() -> HardenResult:
    return HardenResult(WORKLOADS[0], {"metadata": {"uid": 7}}, POD, Hardening(Patch(())), result="unchanged")


def explanations() -> list[Explanation]:
    """Words of every kind, and lines that are explained, that need no capability, and that are not understood."""
    return [
        Explanation(subject="CHOWN", kind="capability", needs=(("CHOWN",),)),
        Explanation(subject=NEWER.hex, kind="mask", needs=(NEWER.short_names,), why="Bnd"),
        Explanation(subject="chown", kind="call", needs=(("CHOWN",),)),
        Explanation(
            subject="bpf() = -1", kind="line", needs=(("BPF",), ("SYS_ADMIN", "PERFMON")), certainty="likely",
            why="bpf", count=30, lines=(1, 2),
        ),
        Explanation(
            subject="exec", kind="line", cause="setting", certainty="certain", why="set it", next_command="try this"
        ),
        Explanation(subject="no", kind="line", cause="other", certainty="possible", why="refused", told=False),
    ]  # fmt: skip
