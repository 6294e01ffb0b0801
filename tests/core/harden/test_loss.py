"""What a hardening takes from each container, and what is suggested for the next try."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from kubectl_caps.core.diagnosis.attribution import Loss
from kubectl_caps.core.diagnosis.line_cause import LineCause
from kubectl_caps.core.diagnosis.patterns.pattern import Certainty
from kubectl_caps.core.harden.loss import losses
from kubectl_caps.core.harden.plan import HardenOptions, harden
from kubectl_caps.core.harden.result import Diagnosis, HardenResult, Suggestion
from kubectl_caps.core.harden.suggestion import missing_capabilities, suggested, with_more
from kubectl_caps.core.kubernetes.kinds import WORKLOADS
from kubectl_caps.core.kubernetes.patch import lookup
from kubectl_caps.core.kubernetes.pod import Pod, PodTemplate
from kubectl_caps.core.kubernetes.workloads import read_workloads
from kubectl_caps.core.linux.capabilities import BY_NAME
from kubectl_caps.core.linux.runtimes import RUNTIMES, by_name

DEFAULTS = frozenset(by_name("containerd").defaults.short_names)
DEPLOYMENT = next(kind for kind in WORKLOADS if kind.kind == "Deployment")


def job(options: HardenOptions, *containers: dict[str, Any], **spec: Any) -> HardenResult:
    """The hardening of a Deployment with these security contexts."""
    rows = [{"name": f"c{number}", "image": "x", "securityContext": row} for number, row in enumerate(containers)]
    obj = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"template": {"spec": {"containers": rows, **spec}}},
    }
    (workload,) = read_workloads(DEPLOYMENT, obj, {})
    return HardenResult(DEPLOYMENT, obj, workload, harden(obj, (workload,), options))


def lost(options: HardenOptions, context: dict[str, Any], runtime: str = "containerd", **spec: Any) -> Loss:
    """What the only container of a Deployment loses, where a pod shows the runtime."""
    done = job(options, context, **spec)
    raw = lookup(done.hardening.patch.applied(done.obj), done.workload.path)
    after = replace(done.workload, template=msgspec.convert(raw, PodTemplate))
    status = {"containerStatuses": [{"name": "c0", "containerID": f"{runtime}://abc"}]}
    pods = [msgspec.convert({"metadata": {}, "spec": {}, "status": status}, Pod)]
    return losses(done.workload, after, pods if runtime else ())["c0"]


def test_the_default_capabilities_are_lost_except_the_added_ones() -> None:
    loss = lost(HardenOptions(add=("CHOWN",)), {})
    assert (loss.capabilities, loss.kept) == (DEFAULTS - {"CHOWN"}, frozenset({"CHOWN"}))


def test_a_capability_that_was_never_held_is_not_lost_and_a_declared_one_stays() -> None:
    loss = lost(HardenOptions(), {"capabilities": {"add": ["NET_ADMIN"], "drop": ["CHOWN"]}})
    assert loss.capabilities == DEFAULTS - {"CHOWN"}
    assert loss.kept == {"NET_ADMIN"}


def test_a_container_that_already_dropped_all_loses_nothing() -> None:
    context = {"capabilities": {"drop": ["ALL"]}, "allowPrivilegeEscalation": False}
    assert lost(HardenOptions(), context) == Loss()


@pytest.mark.parametrize(
    ("options", "context", "settings"),
    [
        (HardenOptions(), {}, {"allowPrivilegeEscalation"}),
        (HardenOptions(escalation="keep"), {}, set()),
        (
            HardenOptions(profile="restricted", run_as_user=1000),
            {},
            {"allowPrivilegeEscalation", "runAsUser", "seccompProfile"},
        ),
        (HardenOptions(profile="restricted"), {"runAsUser": 7}, {"allowPrivilegeEscalation", "seccompProfile"}),
    ],
)
def test_the_settings_that_a_change_touches_are_lost(
    options: HardenOptions, context: dict[str, Any], settings: set[str]
) -> None:  # fmt: skip
    assert lost(options, context).settings == settings


@pytest.mark.parametrize("runtime", ["containerd", "cri-o", "docker"])
def test_the_loss_depends_on_the_runtime_of_the_pods(runtime: str) -> None:
    newest = frozenset(by_name(runtime).defaults.short_names)
    assert lost(HardenOptions(), {}, runtime).capabilities >= newest
    assert lost(HardenOptions(), {}, runtime).capabilities <= lost(HardenOptions(), {}, "").capabilities


def test_without_pods_a_capability_that_any_runtime_takes_is_lost() -> None:
    every = frozenset(name for row in RUNTIMES for name in row.defaults.short_names)
    assert lost(HardenOptions(), {}, "").capabilities == every
    assert every < set(BY_NAME)


def diagnosis(container: str, capabilities: str, certainty: Certainty) -> Diagnosis:
    """A cause in a container."""
    return Diagnosis(container, LineCause(tuple(capabilities.split()), "", "", "log", certainty, "capability"))


def test_all_certain_and_likely_capabilities_are_suggested_by_container() -> None:
    diagnoses = [
        diagnosis("web", "SETUID", "certain"),
        diagnosis("web", "CHOWN SETUID", "likely"),
        diagnosis("web", "SYS_RESOURCE", "possible"),
        diagnosis("log", "DAC_OVERRIDE", "possible"),
        diagnosis("log", "NET_RAW", "possible"),
        diagnosis("db", "", "certain"),
    ]
    assert missing_capabilities(diagnoses) == {"web": ("SETUID", "CHOWN"), "log": ("DAC_OVERRIDE",)}


def suggestion(options: HardenOptions, *diagnoses: Diagnosis, **spec: Any) -> Suggestion | None:
    """What is suggested for a Deployment of two containers."""
    return suggested(replace(job(options, {}, {}, **spec), diagnoses=diagnoses), options)


def test_the_suggestion_has_the_resulting_level() -> None:
    done = suggestion(HardenOptions(), diagnosis("c1", "NET_RAW", "certain"))
    assert done == Suggestion({"c1": ("NET_RAW",)}, "privileged", "baseline")
    strict = HardenOptions(profile="restricted", run_as_user=1000)
    done = suggestion(strict, diagnosis("c0", "NET_BIND_SERVICE", "certain"))
    assert done == Suggestion({"c0": ("NET_BIND_SERVICE",)}, "restricted", "restricted")
    assert suggestion(strict, diagnosis("c0", "CHOWN", "likely")) == Suggestion(
        {"c0": ("CHOWN",)}, "baseline", "restricted"
    )


def test_no_add_is_suggested_without_a_missing_capability() -> None:
    assert suggestion(HardenOptions()) is None
    assert suggestion(HardenOptions(), diagnosis("c0", "", "certain")) is None


@pytest.mark.parametrize(
    ("options", "add", "add_in"),
    [
        (HardenOptions(add=("KILL",)), ("KILL",), (("c0", "CHOWN"), ("c1", "NET_RAW"))),
        (HardenOptions(add=("CHOWN",)), ("CHOWN",), (("c1", "NET_RAW"),)),
        (HardenOptions(add_in=(("c1", "KILL"),)), (), (("c1", "KILL"), ("c0", "CHOWN"), ("c1", "NET_RAW"))),
        (HardenOptions(containers=("c0",)), ("CHOWN", "NET_RAW"), ()),
    ],
)
def test_a_missing_capability_is_added_to_the_container_that_misses_it(
    options: HardenOptions, add: tuple[str, ...], add_in: tuple[tuple[str, str], ...]
) -> None:
    more = with_more(job(options, {}, {}), options, {"c0": ("CHOWN",), "c1": ("NET_RAW",)})
    assert (more.add, more.add_in) == (add, add_in)


def test_the_suggestion_for_a_single_container_names_no_container() -> None:
    assert with_more(job(HardenOptions(), {}), HardenOptions(), {"c0": ("CHOWN",)}).add == ("CHOWN",)
