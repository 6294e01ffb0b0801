"""What `harden` wants of a container, row by row, and what it says beside it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_caps.core.harden.plan import Hardening, HardenOptions, harden
from kubectl_caps.core.kubernetes.changed_fields import fields
from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.patch import ABSENT
from kubectl_caps.core.kubernetes.workloads import read_workloads
from kubectl_caps.core.linux.add_drop import ineffective_adds, runtime_dependent_adds
from kubectl_caps.core.linux.prediction import ContainerRequest, predict
from kubectl_caps.core.linux.runtimes import RUNTIMES, by_name


def deployment(*contexts: dict[str, Any] | None, **spec: Any) -> dict[str, Any]:
    """A Deployment whose containers c0, c1, … have these security contexts."""
    containers: list[dict[str, Any]] = [
        {"name": f"c{index}", "image": "i", **({} if context is None else {"securityContext": context})}
        for index, context in enumerate(contexts)
    ]
    template = {"spec": {"containers": containers, **spec}}
    return {"metadata": {"name": "web", "uid": "u"}, "spec": {"template": template}}


def run(obj: dict[str, Any], **options: Any) -> Hardening:
    """Harden an object."""
    kind = kind_of("apps/v1", "Deployment")
    assert kind
    return harden(obj, tuple(read_workloads(kind, obj, {})), HardenOptions(**options))


def contexts(obj: dict[str, Any], **options: Any) -> list[Any]:
    """The containers' security contexts after hardening."""
    result = run(obj, **options).patch.applied(obj)
    return [container.get("securityContext") for container in result["spec"]["template"]["spec"]["containers"]]


def caps(*add: str, drop: tuple[str, ...] = ()) -> dict[str, Any]:
    """A security context with these capabilities."""
    return {"capabilities": {"add": list(add), **({"drop": list(drop)} if drop else {})}}


DROPPED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def dropped(*add: str) -> dict[str, Any]:
    """A hardened security context with these adds."""
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"], "add": list(add)}}


@pytest.mark.parametrize(
    ("declared", "options", "wanted"),
    [
        pytest.param(None, {}, DROPPED, id="nothing declared"),
        pytest.param({}, {}, DROPPED, id="empty context"),
        pytest.param(DROPPED, {}, DROPPED, id="hardened already"),
        pytest.param(caps("CHOWN"), {}, dropped("CHOWN"), id="declared add stays"),
        pytest.param(caps("net_admin"), {}, dropped("net_admin"), id="declared spelling stays"),
        pytest.param(caps("CAP_CHOWN"), {}, dropped("CAP_CHOWN"), id="a CAP_ prefix is not put right"),
        pytest.param(caps("CAP_CHOWN"), {"add": ("CHOWN",)}, dropped("CAP_CHOWN", "CHOWN"), id="asked for beside CAP_"),
        pytest.param(caps("chown"), {"add": ("CHOWN",)}, dropped("chown"), id="no second spelling of a declared add"),
        pytest.param(caps("CHOWN", "KILL", drop=("chown",)), {}, dropped("KILL"), id="a void add goes"),
        pytest.param(caps("CHOWN", drop=("ALL", "CHOWN")), {}, DROPPED, id="a void add beside ALL goes"),
        pytest.param(caps("CAP_KILL", drop=("kill",)), {}, DROPPED, id="a void add with CAP_ goes"),
        pytest.param(caps("CAP_KILL", drop=("KILL",)), {"add": ("KILL",)}, dropped("KILL"), id="asked for, not void"),
        pytest.param(caps("CHOWN", drop=("CAP_CHOWN",)), {"add": ("CHOWN",)}, dropped("CHOWN"), id="disputed, kept"),
        pytest.param(caps("CHOWN", drop=("CAP_CHOWN",)), {"remove_adds": True}, DROPPED, id="disputed, removed"),
        pytest.param(caps("CHOWN", drop=("ALL",)), {}, dropped("CHOWN"), id="drop ALL does not void an add"),
        pytest.param(caps("CHOWN"), {"remove_adds": True, "add": ("KILL",)}, dropped("KILL"), id="remove adds"),
        pytest.param(caps("ALL"), {"remove_adds": True}, DROPPED, id="add ALL removed on request"),
        pytest.param({"capabilities": {"drop": ["all", "X"]}}, {}, DROPPED, id="drop becomes exactly ALL"),
        pytest.param(None, {"escalation": "keep"}, {"capabilities": {"drop": ["ALL"]}}, id="escalation kept"),
        pytest.param({"privileged": True}, {}, {"privileged": True}, id="privileged stays as it is"),
    ],
)
def test_a_container_gets_the_planned_security_context(declared: Any, options: dict[str, Any], wanted: Any) -> None:
    assert contexts(deployment(declared), **options) == [wanted]


def test_cap_sys_admin_keeps_escalation_because_the_api_refuses_the_pair() -> None:
    wanted = {"capabilities": {"add": ["CAP_SYS_ADMIN"], "drop": ["ALL"]}}
    assert contexts(deployment(caps("CAP_SYS_ADMIN"))) == [wanted]


def test_only_the_named_container_is_hardened() -> None:
    assert contexts(deployment(None, None), containers=("c1",)) == [None, DROPPED]


def test_a_container_that_does_not_exist_is_an_error_that_lists_the_others() -> None:
    with pytest.raises(ValueError, match=r"container nosuch is not valid for deployment\.apps/web; .* are c0, c1"):
        run(deployment(None, None), containers=("nosuch",))


def test_a_windows_pod_is_not_changed_and_a_note_says_why() -> None:
    result = run(deployment(None, os={"name": "windows"}))
    assert (result.patch.changes, len(result.notes)) == ((), 1)


@pytest.mark.parametrize("declared", ["ALL", "all"])
def test_add_all_is_refused(declared: str) -> None:
    result = run(deployment(caps(declared)))
    assert [note.container for note in result.refusals] == ["c0"]


def test_an_add_that_only_one_runtime_grants_is_refused_without_a_decision() -> None:
    result = run(deployment(caps("KILL", "chown", drop=("CAP_CHOWN", "cap_kill")), caps("KILL")), add=("KILL",))
    says = "adds chown and drops CAP_CHOWN: granted by containerd today, not by CRI-O; "
    says += "--add CHOWN grants it everywhere, --remove-adds nowhere"
    assert [(note.container, note.message) for note in result.refusals] == [("c0", says)]


@pytest.mark.parametrize(("add", "says"), [((), "would grant it"), (("KILL",), "--add KILL grants it")])
def test_a_note_tells_the_effect_of_a_void_adds_bare_name(add: tuple[str, ...], says: str) -> None:
    (note,) = run(deployment(caps("CAP_KILL")), add=add).notes
    assert note.message.endswith(says)


def test_the_restricted_profile_is_set_on_the_pod_and_contrary_containers_are_changed() -> None:
    obj = deployment({"runAsNonRoot": False, "seccompProfile": {"type": "Unconfined"}})
    pod = run(obj, profile="restricted").patch.applied(obj)["spec"]["template"]["spec"]
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    own = pod["containers"][0]["securityContext"]
    assert (own["runAsNonRoot"], own["seccompProfile"]) == (True, {"type": "RuntimeDefault"})


@pytest.mark.parametrize("obj", [deployment({"runAsUser": 0}), deployment(None, securityContext={"runAsUser": 0})])
def test_the_restricted_profile_is_refused_for_user_0_unless_another_is_named(obj: dict[str, Any]) -> None:
    assert len(run(obj, profile="restricted").refusals) == 1
    assert run(obj, profile="restricted", run_as_user=1000).refusals == ()


def test_fields_take_an_added_object_apart_and_name_the_container() -> None:
    obj = deployment(None)
    root = ("spec", "template", "spec", "containers", 0, "securityContext")
    found = [(field.path, field.container, field.before, field.after) for field in fields(run(obj).patch, obj)]
    assert found == [
        ((*root, "allowPrivilegeEscalation"), "c0", ABSENT, False),
        ((*root, "capabilities", "drop"), "c0", ABSENT, ["ALL"]),
    ]


@pytest.mark.parametrize(
    ("add", "drop", "void", "disputed"),
    [
        (["A", "b"], ["B"], ["b"], []),
        (["A"], ["ALL"], [], []),
        (["CAP_ALL"], ["ALL"], [], []),
        (["net_raw"], ["CAP_NET_RAW"], [], ["net_raw"]),
        (["X"], ["CAP_X", "x"], ["X"], []),
        (["CAP_X"], ["cap_x"], ["CAP_X"], []),
        (["CAP_X"], ["x"], ["CAP_X"], []),
        (["CAP_X", "X"], ["CAP_X"], ["CAP_X"], ["X"]),
    ],
)
def test_an_add_is_void_where_it_is_dropped_on_every_runtime_that_drops_last(
    add: list[str], drop: list[str], void: list[str], disputed: list[str]
) -> None:
    assert (ineffective_adds(add, drop), runtime_dependent_adds(add, drop)) == (void, disputed)


@given(
    st.lists(st.sampled_from(["CHOWN", "CAP_CHOWN", "net_admin", "NET_RAW", "SYS_ADMIN"]), max_size=3),
    st.lists(st.sampled_from(["ALL", "all", "CHOWN", "CAP_CHOWN", "NET_RAW"]), max_size=2),
    st.lists(st.sampled_from(["CHOWN", "NET_ADMIN", "NET_RAW", "SYS_ADMIN"]), max_size=2, unique=True),
    st.sampled_from([None, 0, 1000]),
    st.sampled_from([None, True, False]),
)
def test_gains_are_the_capabilities_predicted_after_and_not_before(
    declared: list[str], drop: list[str], add: list[str], uid: int | None, escalation: bool | None
) -> None:
    context = caps(*declared, drop=tuple(drop)) | {"runAsUser": uid, "allowPrivilegeEscalation": escalation}
    result = run(deployment(context), add=tuple(add), agreed=True)
    if result.refusals:
        return
    kept = contexts(deployment(context), add=tuple(add), agreed=True)[0]["capabilities"].get("add", [])
    before = ContainerRequest(add=tuple(declared), drop=tuple(drop), uid=uid)
    after = ContainerRequest(add=tuple(kept), drop=("ALL",), uid=uid)
    for runtime in (by_name("containerd"), by_name("cri-o"), by_name("docker")):
        old, new = predict(runtime, before).sets, predict(runtime, after).sets
        grown = (new.bounding - old.bounding) | (new.effective - old.effective)
        assert {gain.capability for gain in result.gains if runtime.name in gain.runtimes} == set(grown.short_names)
    expected = [gain for gain in result.gains if gain.expected]
    assert [gain.expected for gain in result.gains] == ["containerd" in gain.runtimes for gain in result.gains]
    assert bool(run(deployment(context), add=tuple(add)).refusals) == bool(expected)


def test_a_gain_on_another_runtime_is_a_note_and_no_refusal() -> None:
    result = run(deployment(None), add=("NET_RAW",))
    says = "gains NET_RAW (high risk), which it does not hold today on cri-o"
    assert (result.refusals, [note.message for note in result.notes]) == ((), [says])
    assert len(run(deployment(None), add=("NET_RAW",), runtimes=(by_name("cri-o"),)).refusals) == 1


def test_a_declared_add_that_stays_is_said_with_its_risk_there() -> None:
    (note,) = run(deployment(caps("NET_ADMIN", "CHOWN", "NOSUCH"), hostNetwork=True)).notes
    says = "keeps its declared add NET_ADMIN (critical risk), CHOWN (medium risk), NOSUCH; --remove-adds removes it"
    assert note.message == says


NAMES = st.lists(st.sampled_from(["CHOWN", "CAP_CHOWN", "cap_kill", "kill", "NET_ADMIN", "CAP_NET_ADMIN"]), max_size=3)


@given(NAMES, NAMES)
def test_hardening_adds_no_capability_on_any_runtime(add: list[str], drop: list[str]) -> None:
    obj = deployment(caps(*add, drop=tuple(drop)))
    if run(obj).refusals:
        return
    kept = contexts(obj)[0]["capabilities"].get("add", [])
    before, after = ContainerRequest(add=tuple(add), drop=tuple(drop)), ContainerRequest(add=tuple(kept), drop=("ALL",))
    for runtime in RUNTIMES:
        grown = predict(runtime, after).sets.bounding - predict(runtime, before).sets.bounding
        assert not grown.names, runtime


CONTAINERD = {"runtimes": (by_name("containerd"),)}


@pytest.mark.parametrize(
    ("context", "options", "says"),
    [
        ({"runAsUser": 1000}, {"add": ("NET_BIND_SERVICE",)}, "runs as user 1000, so NET_BIND_SERVICE is only in"),
        ({"runAsNonRoot": True}, {"add": ("CHOWN",)}, "runs as a user other than root, so CHOWN is only in"),
        (None, {"add": ("CHOWN",), "run_as_user": 7}, "runs as user 7, so CHOWN is only in its bounding set"),
        (caps("CHOWN"), {"run_as_user": 7}, "runs as user 7, so CHOWN is only in its bounding set"),
        (None, {"add": ("NET_BIND_SERVICE",), **CONTAINERD}, "NET_BIND_SERVICE is not needed for low ports"),
        (caps("NET_BIND_SERVICE"), {"add": ("NET_BIND_SERVICE",), **CONTAINERD}, "NET_BIND_SERVICE is not needed"),
        (None, {"profile": "restricted"}, "only runAsNonRoot keeps root out"),
    ],
)
def test_harden_warns_of_its_result_as_inspect_warns_of_a_manifest(
    context: dict[str, Any] | None, options: dict[str, Any], says: str
) -> None:
    assert [note.message for note in run(deployment(context), **options).notes if note.message.startswith(says)]


@pytest.mark.parametrize("context", [None, {"runAsUser": 1000}, caps("CHOWN") | {"runAsUser": 1000}, caps("CAP_KILL")])
def test_a_warning_from_before_the_change_is_not_repeated(context: dict[str, Any] | None) -> None:
    said = [note.message for note in run(deployment(context), **CONTAINERD).notes]
    assert [text for text in said if not text.startswith("keeps its declared add")] == []


def test_an_add_for_one_container_goes_to_this_container_alone() -> None:
    obj = deployment(caps("KILL"), None, initContainers=[{"name": "setup", "image": "i"}])
    options = {"add": ("NET_RAW",), "add_in": (("c0", "CHOWN"), ("c0", "KILL"), ("setup", "NET_RAW")), "agreed": True}
    assert contexts(obj, **options) == [dropped("KILL", "NET_RAW", "CHOWN"), dropped("NET_RAW")]
    hardened = run(obj, **options).patch.applied(obj)["spec"]["template"]["spec"]
    assert hardened["initContainers"][0]["securityContext"] == dropped("NET_RAW")


def test_an_add_for_a_missing_container_is_an_error() -> None:
    says = "container c7 is not valid for deployment.apps/web; its containers are c0, c1"
    with pytest.raises(ValueError, match=says):
        run(deployment(None, None), add_in=(("c7", "CHOWN"),))


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ({"add": ("SYS_PTRACE",)}, ["c0", "c1"]),
        ({"add_in": (("c0", "SYS_PTRACE"),)}, []),
        ({"add": ("SYS_PTRACE",), "add_in": (("c0", "SYS_PTRACE"),)}, ["c1"]),
        ({"add": ("SYS_PTRACE",), "add_in": (("c0", "CHOWN"),)}, ["c0", "c1"]),
    ],
)
def test_an_add_that_names_its_container_means_this_gain_there(options: dict[str, Any], refused: list[str]) -> None:
    result = run(deployment(None, None), **options)
    assert [note.container for note in result.refusals] == refused
