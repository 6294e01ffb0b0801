"""What was observed in a container and what becomes of its user, its differences and its risk."""

from msgspec.structs import replace

from kubectl_caps.core.assess.assess import assess
from kubectl_caps.core.assess.assessment import Assessment, NodeRuntime, RunningUser
from kubectl_caps.core.assess.processes import Observation, Process
from kubectl_caps.core.kubernetes.container import Capabilities, Container, SecurityContext
from kubectl_caps.core.kubernetes.pod import Metadata, Pod, PodSpec
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.linux.runtimes import by_name
from kubectl_caps.core.linux.sets import CapabilitySet, ProcessSets

CONTAINERD = by_name("containerd")
NONE, ADMIN, EVERY = CapabilitySet(), CapabilitySet(1 << 21), CapabilitySet((1 << 41) - 1)
HARDENED = SecurityContext(
    capabilities=Capabilities(drop=["ALL"]), allow_privilege_escalation=False, run_as_user=1000
)  # fmt: skip
EMPTY = ProcessSets(no_new_privs=True)


def assessed(security: SecurityContext, *observations: Observation) -> Assessment:
    pod = Pod(
        metadata=Metadata(name="pod", uid="1"),
        spec=PodSpec(containers=[Container(name="app", image="app:1", security_context=security)]),
    )
    workload = Workload(api_version="v1", kind="Pod", metadata=pod.metadata, template=pod, path=())
    return assess(workload, [pod], [NodeRuntime(CONTAINERD, 1, "observed")], 37, observations)


def observation(sets: ProcessSets, uid: int = 1000, granted: ProcessSets | None = None, **more: object) -> Observation:
    start = Process(9, 9, 0, "sh", uid, granted) if granted else None
    seen = Observation("pod", "app", (Process(1, 1, 0, "app", uid, sets),), start, CONTAINERD)
    return replace(seen, **more)


def test_an_observation_makes_the_risk_worse() -> None:
    held = ProcessSets(ADMIN, ADMIN, ADMIN, no_new_privs=True)
    assert assessed(HARDENED).risk == "none"
    assert assessed(HARDENED, observation(held, granted=EMPTY, container="other")).risk == "none"
    assert assessed(HARDENED, observation(held, granted=held)).risk == "critical"
    assert assessed(HARDENED, observation(held)).containers[0].risk == "critical"


def test_an_observation_makes_the_risk_no_better() -> None:
    assert assessed(SecurityContext(), observation(EMPTY, granted=EMPTY)).risk == assessed(SecurityContext()).risk


def test_a_process_in_its_own_user_namespace_does_not_raise_the_risk() -> None:
    """Any process may make one; what it holds there does not count in the container."""
    whole = ProcessSets(EVERY, EVERY, EVERY, no_new_privs=True)
    result = assessed(HARDENED, observation(whole, granted=EMPTY))
    assert result.risk == "none"
    ((_, differences),) = result.containers[0].observed[0].processes
    assert all(item.reason and "user namespace" in item.reason for item in differences)


def test_the_user_of_the_image_is_known_from_an_exec() -> None:
    """And then it is not judged as root: the prediction is right, and nothing is left to explain."""
    nobody = ProcessSets(CONTAINERD.defaults, NONE, NONE, no_new_privs=False)
    (container,) = assessed(SecurityContext(), observation(nobody, 999, nobody)).containers
    assert container.user == RunningUser(999, "observed")
    assert container.predicted[0].outcome.sets == nobody
    assert container.observed[0].processes[0][1] == ()


def test_another_runtimes_defaults_are_named() -> None:
    crio = by_name("cri-o")
    nine = ProcessSets(crio.defaults, crio.defaults, crio.defaults, no_new_privs=False)
    (container,) = assessed(SecurityContext(), observation(nine, 0, nine)).containers
    ((_, differences),) = container.observed[0].processes
    assert {item.reason for item in differences} == {
        f"the node's runtime behaves like cri-o {'.'.join(map(str, crio.since))} and newer, not like containerd"
    }


def test_a_container_that_was_not_observed_keeps_its_prediction() -> None:
    missed = Observation("pod", "app", miss="forbidden", why="no")
    result = assessed(HARDENED, missed)
    assert result.risk == "none"
    assert result.containers[0].observed[0].observation == missed
