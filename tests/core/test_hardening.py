"""What `harden` wants of a container, row by row, and what it says beside it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_caps.core.hardening import Hardening, Wishes, disputed_adds, fields, harden, void_adds
from kubectl_caps.core.linux.prediction import Request, predict
from kubectl_caps.core.linux.runtimes import RUNTIMES
from kubectl_caps.core.patch import ABSENT
from kubectl_caps.core.workloads import kind_of, read


def deployment(*contexts: dict[str, Any] | None, **spec: Any) -> dict[str, Any]:
    """A Deployment whose containers c0, c1, … have these security contexts."""
    containers: list[dict[str, Any]] = [
        {"name": f"c{index}", "image": "i", **({} if context is None else {"securityContext": context})}
        for index, context in enumerate(contexts)
    ]
    template = {"spec": {"containers": containers, **spec}}
    return {"metadata": {"name": "web", "uid": "u"}, "spec": {"template": template}}


def run(obj: dict[str, Any], **wishes: Any) -> Hardening:
    """Harden an object."""
    kind = kind_of("apps/v1", "Deployment")
    assert kind
    return harden(obj, tuple(read(kind, obj, {})), Wishes(**wishes))


def contexts(obj: dict[str, Any], **wishes: Any) -> list[Any]:
    """The containers' security contexts after hardening."""
    result = run(obj, **wishes).patch.applied(obj)
    return [container.get("securityContext") for container in result["spec"]["template"]["spec"]["containers"]]


def caps(*add: str, drop: tuple[str, ...] = ()) -> dict[str, Any]:
    """A security context with these capabilities."""
    return {"capabilities": {"add": list(add), **({"drop": list(drop)} if drop else {})}}


DROPPED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def dropped(*add: str) -> dict[str, Any]:
    """A hardened security context with these adds."""
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"], "add": list(add)}}


@pytest.mark.parametrize(
    ("declared", "wishes", "wanted"),
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
def test_a_container_becomes(declared: Any, wishes: dict[str, Any], wanted: Any) -> None:
    assert contexts(deployment(declared), **wishes) == [wanted]


def test_sys_admin_by_its_literal_name_keeps_escalation_because_the_api_refuses_the_pair() -> None:
    wanted = {"capabilities": {"add": ["CAP_SYS_ADMIN"], "drop": ["ALL"]}}
    assert contexts(deployment(caps("CAP_SYS_ADMIN"))) == [wanted]


def test_only_the_named_container_is_hardened() -> None:
    assert contexts(deployment(None, None), containers=("c1",)) == [None, DROPPED]


def test_a_container_that_does_not_exist_is_an_error_that_lists_the_others() -> None:
    with pytest.raises(ValueError, match=r"container nosuch is not valid for deployment\.apps/web; .* are c0, c1"):
        run(deployment(None, None), containers=("nosuch",))


def test_a_windows_pod_stays_as_it_is_and_says_so() -> None:
    result = run(deployment(None, os={"name": "windows"}))
    assert (result.patch.changes, len(result.notes)) == ((), 1)


@pytest.mark.parametrize("declared", ["ALL", "all"])
def test_add_all_is_refused(declared: str) -> None:
    result = run(deployment(caps(declared)))
    assert [note.container for note in result.refusals] == ["c0"]


def test_an_add_that_is_granted_by_one_runtime_only_is_refused_until_somebody_says() -> None:
    result = run(deployment(caps("KILL", "chown", drop=("CAP_CHOWN", "cap_kill")), caps("KILL")), add=("KILL",))
    says = "adds chown and drops CAP_CHOWN: granted by containerd today, not by CRI-O; "
    says += "--add CHOWN grants it everywhere, --remove-adds nowhere"
    assert [(note.container, note.message) for note in result.refusals] == [("c0", says)]


@pytest.mark.parametrize(("add", "says"), [((), "would grant it"), (("KILL",), "--add KILL grants it")])
def test_what_the_bare_name_of_a_void_add_does_is_said(add: tuple[str, ...], says: str) -> None:
    (note,) = run(deployment(caps("CAP_KILL")), add=add).notes
    assert note.message.endswith(says)


def test_the_restricted_profile_is_set_on_the_pod_and_contrary_containers_are_mended() -> None:
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
    assert (void_adds(add, drop), disputed_adds(add, drop)) == (void, disputed)


NAMES = st.lists(st.sampled_from(["CHOWN", "CAP_CHOWN", "cap_kill", "kill", "NET_ADMIN", "CAP_NET_ADMIN"]), max_size=3)


@given(NAMES, NAMES)
def test_no_runtime_grants_a_hardened_container_what_it_does_not_grant_today(add: list[str], drop: list[str]) -> None:
    obj = deployment(caps(*add, drop=tuple(drop)))
    if run(obj).refusals:
        return
    kept = contexts(obj)[0]["capabilities"].get("add", [])
    before, after = Request(add=tuple(add), drop=tuple(drop)), Request(add=tuple(kept), drop=("ALL",))
    for runtime in RUNTIMES:
        grown = predict(runtime, after).sets.bounding - predict(runtime, before).sets.bounding
        assert not grown.names, runtime
