"""What a container gets, row by row and runtime by runtime.

The containerd column is measured: every row of `TABLE` as uid 0 and 1000, with and without
allowPrivilegeEscalation=false, by a kubelet 1.37 with containerd 2.2.5 and runc 1.1.5 on kernel 6.18, all five sets
and no_new_privs. The others are read in the sources that the rows of `RUNTIMES` name.
"""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_caps.core.linux.capabilities import BY_NAME
from kubectl_caps.core.linux.prediction import ContainerRequest, Prediction, predict
from kubectl_caps.core.linux.runtimes import (
    RUNTIMES,
    Runtime,
    UnknownRuntime,
    by_name,
    possible,
    runtime_named_by,
    runtime_of,
)
from kubectl_caps.core.linux.sets import ALL_KNOWN, CapabilitySet

CONTAINERD, CRIO, DOCKER = (by_name(name) for name in ("containerd", "cri-o", "docker"))
COLUMNS = {"containerd": CONTAINERD, "cri-o": CRIO, "docker": DOCKER}

OCI_14 = CapabilitySet(0xA80425FB)
CRIO_9 = CapabilitySet(0x5FB)
NOTHING = CapabilitySet()


def caps(*names: str) -> CapabilitySet:
    """The set of these names."""
    return CapabilitySet.from_names(names)


def run(
    runtime: Runtime, add: Any = (), drop: Any = (), node_all: CapabilitySet | None = None, **more: Any
) -> Prediction:
    """The prediction for a container that is root and says no more than this."""
    request = ContainerRequest(**{"uid": 0, **more, "add": tuple(add or ()), "drop": tuple(drop or ())})
    return predict(runtime, request, node_all)


# What the container is to have, for each runtime: a set, or the words with which it does not start.
TABLE: list[tuple[Any, ...]] = [
    ("nothing said", None, None, OCI_14, CRIO_9, OCI_14),
    ("empty lists", [], [], OCI_14, CRIO_9, OCI_14),
    ("lower case add", ["net_admin"], None, OCI_14 | caps("NET_ADMIN"), CRIO_9 | caps("NET_ADMIN"),
     OCI_14 | caps("NET_ADMIN")),
    ("add with prefix", ["CAP_NET_ADMIN"], None, OCI_14, CRIO_9 | caps("NET_ADMIN"), OCI_14 | caps("NET_ADMIN")),
    ("lower case prefix", ["cap_net_admin"], None, OCI_14, CRIO_9 | caps("NET_ADMIN"), OCI_14 | caps("NET_ADMIN")),
    ("drop with prefix", None, ["CAP_KILL"], OCI_14, CRIO_9 - caps("KILL"), OCI_14 - caps("KILL")),
    ("drop", None, ["KILL"], OCI_14 - caps("KILL"), CRIO_9 - caps("KILL"), OCI_14 - caps("KILL")),
    ("drop what is not there", None, ["SYS_TIME"], OCI_14, CRIO_9, OCI_14),
    ("unknown add", ["LOREM"], None, OCI_14, 'unknown capability "CAP_LOREM" to add',
     'invalid CapAdd: unknown capability: "CAP_LOREM"'),
    ("unknown drop", None, ["LOREM"], OCI_14, "failed to drop cap CAP_LOREM invalid capability: CAP_LOREM",
     'invalid CapDrop: unknown capability: "CAP_LOREM"'),
    ("blank in a name", [" SYS_TIME"], None, OCI_14, 'unknown capability "CAP_ SYS_TIME" to add',
     'invalid CapAdd: unknown capability: "CAP_ SYS_TIME"'),
    ("CAP_ALL is no ALL", ["CAP_ALL"], None, OCI_14, 'unknown capability "CAP_ALL" to add',
     'invalid CapAdd: unknown capability: "CAP_ALL"'),
    ("dropping CAP_ALL is not dropping ALL", None, ["CAP_ALL"], OCI_14,
     "failed to drop cap CAP_ALL invalid capability: CAP_ALL", 'invalid CapDrop: unknown capability: "CAP_ALL"'),
    ("add and drop of one", ["SYS_TIME"], ["SYS_TIME"], OCI_14, CRIO_9, OCI_14 | caps("SYS_TIME")),
    ("add and drop of a default", ["KILL"], ["KILL"], OCI_14 - caps("KILL"), CRIO_9 - caps("KILL"), OCI_14),
    ("add and drop of one beside drop ALL", ["KILL"], ["ALL", "KILL"], NOTHING, NOTHING, caps("KILL")),
    ("add ALL and drop ALL", ["ALL"], ["ALL"], NOTHING, NOTHING, ALL_KNOWN),
    ("add ALL", ["ALL"], None, ALL_KNOWN, ALL_KNOWN, ALL_KNOWN),
    ("add ALL but one", ["ALL"], ["SYS_TIME"], *[ALL_KNOWN - caps("SYS_TIME")] * 3),
    ("add ALL, and one that is dropped", ["ALL", "KILL"], ["KILL"], *[ALL_KNOWN - caps("KILL")] * 3),
    ("drop ALL", None, ["ALL"], NOTHING, NOTHING, NOTHING),
    ("drop ALL, add one", ["SYS_TIME"], ["ALL"], *[caps("SYS_TIME")] * 3),
    ("drop all", None, ["all"], NOTHING, NOTHING, NOTHING),
    ("drop All, add all but one", ["aLL"], ["All", "KILL"], NOTHING, NOTHING, ALL_KNOWN - caps("KILL")),
]  # fmt: skip


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_a_runtime_grants_the_measured_set_for_add_and_drop(row: Any, column: str) -> None:
    _, add, drop, *wanted = row
    expected = wanted[list(COLUMNS).index(column)]
    outcome = run(COLUMNS[column], add, drop)
    assert (outcome.refused or outcome.sets.bounding) == expected


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("drop", [None, ["ALL"], ["KILL"]])
def test_privileged_overrides_the_lists(column: str, drop: list[str] | None) -> None:
    outcome = run(COLUMNS[column], ["SYS_TIME"], drop, privileged=True)
    assert outcome.sets.bounding == outcome.sets.permitted == outcome.sets.effective == ALL_KNOWN
    assert (outcome.ignored_adds, outcome.ignored_drops) == (("SYS_TIME",), tuple(drop or ()))


@pytest.mark.parametrize(
    ("column", "refused"),
    [("containerd", None), ("cri-o", None), ("docker", 'invalid CapAdd: unknown capability: "CAP_LOREM"')],
)
def test_unknown_name_in_a_privileged_container(column: str, refused: str | None) -> None:
    assert run(COLUMNS[column], ["LOREM"], privileged=True).refused == refused


@pytest.mark.parametrize("uid", [0, None])
@pytest.mark.parametrize("column", COLUMNS)
def test_root_and_an_unknown_user_hold_the_bounding_set(column: str, uid: int | None) -> None:
    sets = run(COLUMNS[column], ["SYS_TIME"], ["ALL"], uid=uid).sets
    assert sets.bounding == sets.permitted == sets.effective == caps("SYS_TIME")
    assert sets.inheritable == sets.ambient == NOTHING


@pytest.mark.parametrize("column", COLUMNS)
def test_another_user_has_a_capability_in_the_bounding_set_only(column: str) -> None:
    sets = run(COLUMNS[column], ["SYS_TIME"], ["ALL"], uid=1000).sets
    assert sets.bounding == caps("SYS_TIME")
    assert sets.permitted == sets.effective == sets.inheritable == sets.ambient == NOTHING


@pytest.mark.parametrize(("column", "kept"), [("containerd", NOTHING), ("cri-o", ALL_KNOWN), ("docker", NOTHING)])
def test_a_privileged_container_of_another_user(column: str, kept: CapabilitySet) -> None:
    sets = run(COLUMNS[column], uid=1000, privileged=True).sets
    assert sets.bounding == ALL_KNOWN
    assert sets.permitted == sets.effective == sets.ambient == sets.inheritable == kept


@pytest.mark.parametrize(("setting", "flag"), [(None, False), (True, False), (False, True)])
@pytest.mark.parametrize("column", COLUMNS)
def test_no_new_privs_is_set_only_where_escalation_is_explicitly_false(
    column: str, setting: bool | None, flag: bool
) -> None:
    assert run(COLUMNS[column], allow_privilege_escalation=setting).sets.no_new_privs is flag


@pytest.mark.parametrize(
    ("version", "name", "mask", "inheritable"),
    [
        ("containerd://1.3.10", "containerd", "a80425fb", True),
        ("containerd://1.4.13", "containerd", "a80425fb", True),
        ("containerd://1.5.10", "containerd", "a80425fb", True),
        ("containerd://1.5.11", "containerd", "a80425fb", False),
        ("containerd://1.5.18", "containerd", "a80425fb", False),
        ("containerd://1.6.0-rc.1", "containerd", "a80425fb", True),
        ("containerd://1.6.1", "containerd", "a80425fb", True),
        ("containerd://1.6.2", "containerd", "a80425fb", False),
        ("containerd://1.6.20~ds1", "containerd", "a80425fb", False),
        ("containerd://2.1.4-k3s1", "containerd", "a80425fb", False),
        ("containerd://v2.3", "containerd", "a80425fb", False),
        ("cri-o://1.13.11", "cri-o", "425fb", True),
        ("cri-o://1.17.5", "cri-o", "425fb", True),
        ("cri-o://1.18.0", "cri-o", "5fb", True),
        ("cri-o://1.23.5", "cri-o", "5fb", True),
        ("cri-o://1.24.0", "cri-o", "5fb", False),
        ("cri-o://1.24.2", "cri-o", "5fb", False),
        ("cri-o://1.24.3-2.rhaos4.11.git1ba5b4d.el8", "cri-o", "5fb", True),
        ("cri-o://1.25.0", "cri-o", "5fb", False),
        ("cri-o://1.31.0", "cri-o", "5fb", False),
        ("docker://20.10.13", "docker", "a80425fb", True),
        ("docker://20.10.14", "docker", "a80425fb", False),
        ("docker://28.2.2", "docker", "a80425fb", False),
    ],
)
def test_defaults_of_root_by_version(version: str, name: str, mask: str, inheritable: bool) -> None:
    runtime = runtime_of(version)
    sets = run(runtime).sets
    assert (runtime.name, runtime.assumed) == (name, False)
    assert sets.bounding == sets.permitted == sets.effective == CapabilitySet.from_hex(mask)
    assert sets.inheritable == (sets.bounding if inheritable else NOTHING)
    assert sets.ambient == NOTHING


def test_the_inheritable_set_of_an_old_runtime_gives_other_users_no_capability() -> None:
    sets = run(runtime_of("containerd://1.6.1"), uid=1000).sets
    assert sets.inheritable == OCI_14
    assert sets.permitted == sets.effective == NOTHING


@pytest.mark.parametrize("version", [None, "", "rkt://1.30.0", "containerd-shim://2.0", "2.1.4", "Unknown://Unknown"])
def test_containerd_is_assumed_where_the_node_does_not_name_a_known_runtime(version: str | None) -> None:
    runtime = runtime_of(version)
    assert (runtime.name, runtime.assumed) == ("containerd", True)
    assert any("assumed to be containerd" in text for text in run(runtime).unknowns)


@pytest.mark.parametrize(("version", "name"), [("cri-o://", "cri-o"), ("docker://dev", "docker")])
def test_the_newest_version_is_assumed_if_the_version_is_unreadable(version: str, name: str) -> None:
    runtime = runtime_of(version)
    assert (runtime.name, runtime.since, runtime.assumed) == (name, by_name(name).since, True)


NON_ROOT_HOLDS: list[tuple[str | None, str, bool]] = [
    ("containerd://1.6.40", "v1.33.9", False),
    ("containerd://1.7.31", "v1.33.9", False),
    ("containerd://1.7.32", "v1.33.9", True),
    ("containerd://1.7.32-k3s1", "", True),
    ("containerd://2.0.8", "", False),
    ("containerd://2.0.9", "", True),
    ("containerd://2.1.99", "", False),
    ("containerd://2.2.3", "", False),
    ("containerd://2.2.4", "", True),
    ("containerd://2.3.0", "", False),
    ("containerd://2.3.1-rc.0", "", False),
    ("containerd://v2.3.1", "", True),
    ("containerd://2.4.0", "", True),
    ("containerd://2.4.0-beta.1", "", False),
    ("containerd://dev", "", False),
    ("containerd://1.7.1", "v1.34.0+k3s1", True),
    ("containerd://1.7.1", "v1.34.0-rc.1", False),
    ("containerd://1.7.1", "v1.100.0", True),
    ("containerd://1.7.1", "newest", False),
    ("cri-o://1.20.0", "v1.20.0", True),
    ("docker://19.3.1", "v1.20.0", True),
    ("rkt://1.30.0", "v1.33.0", False),
    ("rkt://1.30.0", "v1.34.0", True),
    (None, "", False),
]


@pytest.mark.parametrize(("runtime", "kubelet", "holds"), NON_ROOT_HOLDS)
def test_run_as_non_root_holds_only_where_containerd_or_the_kubelet_is_known_to_be_fixed(
    runtime: str | None, kubelet: str, holds: bool
) -> None:
    assert runtime_of(runtime, kubelet).non_root_holds is holds
    assert all(one.non_root_holds or not holds for one in possible(runtime_of(runtime, kubelet)))


def test_only_an_assumed_runtime_may_be_another_one() -> None:
    assert {runtime.name for runtime in possible(runtime_of(None))} == {"containerd", "cri-o", "docker"}
    for runtime in (*RUNTIMES, runtime_of("docker://dev"), runtime_of("containerd://2.1.4")):
        assert possible(runtime) == (runtime,)


def test_a_runtime_that_has_no_row_is_an_error_by_name() -> None:
    with pytest.raises(UnknownRuntime) as error:
        by_name("crio")
    assert str(error.value) == 'unknown container runtime "crio", must be one of containerd, cri-o, docker'


@pytest.mark.parametrize("name", COLUMNS)
def test_rows_of_a_runtime_rise_by_version_and_begin_at_the_first(name: str) -> None:
    versions = [row.since for row in RUNTIMES if row.name == name]
    assert versions == sorted(set(versions))
    assert versions[0] == ()


def test_only_containerd_with_runc_is_said_to_be_measured() -> None:
    assert [row.name for row in RUNTIMES if row.evidence == "measured"] == ["containerd"]
    assert all(row.source for row in RUNTIMES)


def test_names_without_effect_on_containerd_are_told_as_declared() -> None:
    outcome = run(CONTAINERD, ["cap_net_admin", "KILL", "LOREM"], ["CAP_KILL", "all", " KILL"])
    assert outcome.sets.bounding == caps("KILL")
    assert outcome.ignored_adds == ("cap_net_admin", "LOREM")
    assert outcome.ignored_drops == ("CAP_KILL", " KILL")


USER, FILES, CRIO_CONF, INHERITABLE = "image's user", "file capabilities", "default_capabilities", "add_inheritable"
ALL, OCI, EVADED = "capabilities of ALL", "OCI runtime", "whether the image evades runAsNonRoot"


ASSUMED = runtime_of(None)
PLACE, CLASS = "the container runtime", "RuntimeClass gvisor"


@pytest.mark.parametrize(
    ("runtime", "settings", "doubts"),
    [
        (CONTAINERD, {}, []),
        (CONTAINERD, {"uid": None}, [USER]),
        (CONTAINERD, {"uid": None, "drop": ["ALL"]}, []),
        (CONTAINERD, {"uid": None, "non_root": True}, [EVADED, FILES]),
        (CONTAINERD, {"uid": None, "non_root": True, "drop": ["ALL"]}, []),
        (runtime_of("containerd://2.3.1"), {"uid": None, "non_root": True}, [FILES]),
        (CONTAINERD, {"uid": 1000}, [FILES]),
        (CONTAINERD, {"uid": 1000, "drop": ["ALL"]}, []),
        (CONTAINERD, {"uid": 1000, "allow_privilege_escalation": False}, [FILES]),
        (CONTAINERD, {"add": ["ALL"]}, [ALL]),
        (CONTAINERD, {"add": ["ALL"], "drop": ["ALL"]}, []),
        (CONTAINERD, {"add": ["ALL"], "node_all": ALL_KNOWN}, []),
        (CONTAINERD, {"privileged": True}, [ALL]),
        (CONTAINERD, {"add": ["LOREM"]}, [OCI]),
        (CONTAINERD, {"drop": ["LOREM"]}, []),
        (CONTAINERD, {"add": ["LOREM"], "privileged": True}, [ALL]),
        (CONTAINERD, {"runtime_class": "gvisor"}, [CLASS]),
        (ASSUMED, {}, [PLACE]),
        (ASSUMED, {"drop": ["ALL"]}, []),
        (ASSUMED, {"drop": ["ALL"], "add": ["KILL"]}, [PLACE]),
        (ASSUMED, {"drop": ["CAP_KILL"]}, [PLACE]),
        (CRIO, {}, [CRIO_CONF, INHERITABLE]),
        (CRIO, {"drop": ["KILL"]}, [CRIO_CONF, INHERITABLE]),
        (CRIO, {"drop": ["ALL"]}, []),
        (CRIO, {"drop": ["ALL"], "add": ["KILL"]}, [INHERITABLE]),
        (CRIO, {"privileged": True}, [ALL]),
        (DOCKER, {}, []),
        (DOCKER, {"add": ["ALL"], "drop": ["ALL"]}, [ALL]),
    ],
)
def test_an_unknown_fact_is_named_if_it_matters(
    runtime: Runtime, settings: dict[str, Any], doubts: list[str]
) -> None:
    unknowns = run(runtime, **settings).unknowns
    assert len(unknowns) == len(doubts)
    assert all(doubt in text for doubt, text in zip(doubts, unknowns, strict=True))


@pytest.mark.parametrize("column", COLUMNS)
def test_an_unknown_user_that_may_not_be_root_has_it_in_the_bounding_set_only(column: str) -> None:
    sets = run(COLUMNS[column], ["SYS_TIME"], ["ALL"], uid=None, non_root=True).sets
    assert sets == run(COLUMNS[column], ["SYS_TIME"], ["ALL"], uid=1000).sets


def test_names_that_the_oci_runtime_may_refuse_are_named() -> None:
    assert "runc ignores CAP_BPF, LOREM," in run(CONTAINERD, ["CAP_BPF", "LOREM"]).unknowns[0]


@pytest.mark.parametrize(
    ("runtime", "settings", "refused"),
    [
        (CONTAINERD, {"add": ["ALL"]}, None),
        (CONTAINERD, {"privileged": True}, None),
        (CONTAINERD, {"add": ["SYS_RESOURCE"]}, "unable to apply caps: operation not permitted"),
        (CONTAINERD, {"add": ["SYS_RESOURCE"], "privileged": True}, None),
        (CRIO, {"add": ["ALL"]}, "unable to apply caps: operation not permitted"),
        (CRIO, {"privileged": True}, "unable to apply caps: operation not permitted"),
        (CRIO, {}, None),
        (DOCKER, {"add": ["ALL"]}, None),
        (
            DOCKER,
            {"add": ["SYS_RESOURCE"]},
            DOCKER.unavailable.format(name="CAP_SYS_RESOURCE"),
        ),
    ],
)
def test_a_node_that_lacks_a_capability_itself(runtime: Runtime, settings: dict[str, Any], refused: str | None) -> None:
    """Measured: runc 1.1.5 whose bounding set is 1fffeffffff does not start a container that asks for bit 24."""
    node = CapabilitySet(0x1FFFEFFFFFF)
    outcome = run(runtime, node_all=node, **settings)
    assert outcome.refused == refused
    assert not outcome.sets.bounding - node


@pytest.mark.parametrize(
    ("runtime", "refused", "ignored"),
    [
        (CONTAINERD, None, ("BPF",)),
        (CRIO, 'unknown capability "CAP_BPF" to add', ()),
        (DOCKER, 'invalid CapAdd: unknown capability: "CAP_BPF"', ()),
    ],
)
def test_a_capability_that_the_kernel_does_not_have_yet(
    runtime: Runtime, refused: str | None, ignored: tuple[str, ...]
) -> None:
    outcome = run(runtime, ["BPF"], node_all=CapabilitySet(0x3FFFFFFFFF))
    assert (outcome.refused, outcome.ignored_adds) == (refused, ignored)
    assert "BPF" not in outcome.sets.bounding


def test_all_includes_unknown_capabilities_of_the_node() -> None:
    node = CapabilitySet((1 << 43) - 1)
    assert run(CONTAINERD, ["ALL"], node_all=node).sets.bounding == node


def test_windows_has_no_capabilities() -> None:
    outcome = run(CONTAINERD, ["ALL"], windows=True, uid=None, privileged=True)
    assert outcome == Prediction(outcome.sets, notes=("a Windows container has no Linux capabilities",))
    assert outcome.sets.bounding == outcome.sets.permitted == NOTHING
    assert outcome.sets.no_new_privs is None


@pytest.mark.parametrize(("host_users", "notes"), [(None, 0), (True, 0), (False, 1)])
def test_a_user_namespace_is_a_note_and_does_not_change_the_sets(host_users: bool | None, notes: int) -> None:
    outcome = run(CONTAINERD, host_users=host_users)
    assert outcome.sets == run(CONTAINERD).sets
    assert len(outcome.notes) == notes


NAMES = st.lists(st.sampled_from(sorted(BY_NAME)), max_size=8)
LISTS = st.lists(
    st.sampled_from([*BY_NAME, "ALL", "all", "CAP_KILL", "cap_bpf", "LOREM", ""]) | st.text(max_size=9), max_size=6
)
ANY_RUNTIME = st.sampled_from(RUNTIMES)
UIDS = st.sampled_from([None, 0, 1, 1000])


@given(ANY_RUNTIME, NAMES, UIDS)
def test_drop_all_and_adds_is_exactly_the_adds(runtime: Runtime, add: list[str], uid: int | None) -> None:
    assert run(runtime, add, ["ALL"], uid=uid).sets.bounding == caps(*add)


@given(st.sampled_from([CONTAINERD, CRIO]), LISTS, LISTS, UIDS)
def test_privileged_ignores_every_list(runtime: Runtime, add: list[str], drop: list[str], uid: int | None) -> None:
    outcome = run(runtime, add, drop, uid=uid, privileged=True)
    assert outcome.refused is None
    assert outcome.sets == run(runtime, uid=uid, privileged=True).sets


@given(ANY_RUNTIME, LISTS, LISTS, UIDS, st.booleans(), st.integers(0, (1 << 45) - 1))
def test_no_set_is_larger_than_the_bounding_set_or_than_the_node(
    runtime: Runtime, add: list[str], drop: list[str], uid: int | None, privileged: bool, node: int
) -> None:
    sets = run(runtime, add, drop, uid=uid, privileged=privileged, node_all=CapabilitySet(node)).sets
    assert not sets.bounding - CapabilitySet(node)
    assert not (sets.permitted | sets.effective | sets.inheritable | sets.ambient) - sets.bounding


@given(ANY_RUNTIME, LISTS, LISTS, st.randoms(use_true_random=False))
def test_the_order_of_names_does_not_change_the_sets(
    runtime: Runtime, add: list[str], drop: list[str], random: Any
) -> None:
    before = run(runtime, add, drop)
    random.shuffle(add)
    random.shuffle(drop)
    after = run(runtime, add, drop)
    assert (after.sets, after.refused is None) == (before.sets, before.refused is None)


@given(ANY_RUNTIME, LISTS, LISTS)
def test_repeated_names_do_not_change_the_sets(runtime: Runtime, add: list[str], drop: list[str]) -> None:
    assert run(runtime, add * 2, drop * 2).sets == run(runtime, add, drop).sets


@given(ANY_RUNTIME, st.data())
def test_ascii_case_never_matters(runtime: Runtime, data: st.DataObject) -> None:
    words = st.lists(st.sampled_from([*BY_NAME, "ALL", "CAP_KILL", "LOREM"]), max_size=6)
    add, drop = data.draw(words), data.draw(words)
    mixed = [
        ["".join(data.draw(st.sampled_from([letter.lower(), letter])) for letter in name) for name in names]
        for names in (add, drop)
    ]
    outcome = run(runtime, mixed[0], mixed[1])
    assert (outcome.sets, outcome.refused) == (run(runtime, add, drop).sets, run(runtime, add, drop).refused)


def test_a_name_is_upper_cased_as_by_go() -> None:
    """Measured: a long s becomes S, the ligature of st stays as it is."""
    assert "SYS_TIME" in run(CONTAINERD, ["ſYS_TIME"]).sets.bounding
    assert "CHECKPOINT_RESTORE" not in run(CONTAINERD, ["CHECKPOINT_REﬆORE"]).sets.bounding


def containerd_in_words(add: list[str], drop: list[str], node: set[str]) -> set[str]:
    """WithCapabilities (containerd internal/cri/opts/spec_opts.go), statement by statement."""
    held = {f"CAP_{name}" for name in OCI_14.short_names}
    if any(name.upper() == "ALL" for name in add):
        held = set(node)
    if any(name.upper() == "ALL" for name in drop):
        held = set()
    for name in add:
        if name.upper() != "ALL":
            held.add("CAP_" + name.upper())
    for name in drop:
        if name.upper() != "ALL":
            held.discard("CAP_" + name.upper())
    return held & node


def crio_in_words(add: list[str], drop: list[str], node: set[str]) -> set[str]:
    """SpecSetupCapabilities (CRI-O internal/factory/container/container.go), for names that it knows."""

    def has_all(names: list[str]) -> bool:
        return any(name.upper() == "ALL" for name in names)

    def full(name: str) -> str:
        return name.upper() if name.upper().startswith("CAP_") else f"CAP_{name.upper()}"

    held: set[str] = set()
    if not has_all(add) and not has_all(drop):
        add = [*add, *CRIO_9.short_names]
    if has_all(add):
        held = set(node)
    if has_all(drop):
        held = set()
    held |= {full(name) for name in add if name.upper() != "ALL"}
    return (held - {full(name) for name in drop if name.upper() != "ALL"}) & node


def docker_in_words(add: list[str], drop: list[str], node: set[str]) -> set[str]:
    """TweakCapabilities (moby daemon/pkg/oci/caps/utils.go), for names that it knows."""

    def normal(names: list[str]) -> list[str]:
        upper = [name.upper() for name in names]
        return [name if name == "ALL" or name.startswith("CAP_") else f"CAP_{name}" for name in upper]

    adds, drops = normal(add), normal(drop)
    if "ALL" in adds:
        return {name for name in node if name not in drops}
    if "ALL" in drops:
        return set(adds)
    return {f"CAP_{name}" for name in OCI_14.short_names if f"CAP_{name}" not in drops} | set(adds)


SPELLED = st.sampled_from([*BY_NAME, "ALL"]).flatmap(
    lambda name: st.sampled_from([name, name.lower(), name.title(), *([] if name == "ALL" else [f"CAP_{name}"])])
)


@pytest.mark.parametrize(
    ("runtime", "in_words"),
    [(CONTAINERD, containerd_in_words), (CRIO, crio_in_words), (DOCKER, docker_in_words)],
    ids=COLUMNS,
)
@given(data=st.data())
def test_add_and_drop_combine_as_in_the_runtimes_source(runtime: Runtime, in_words: Any, data: st.DataObject) -> None:
    add, drop = (data.draw(st.lists(SPELLED, max_size=5)) for _ in range(2))
    outcome = run(runtime, add, drop)
    assert outcome.refused is None
    assert set(outcome.sets.bounding.names) == in_words(add, drop, set(ALL_KNOWN.names))


def test_the_table_of_runtimes_in_the_docs_is_that_of_the_code() -> None:
    page = (Path(__file__).parents[3] / "docs" / "inspect.md").read_text()
    for row in RUNTIMES:
        since = ".".join(map(str, row.since)) or "before"
        inheritable = "like the bounding set" if row.inheritable else "empty"
        line = f"| {row.name} | {since} | {len(row.defaults)} | {inheritable} | {row.evidence} |"
        assert line in page


@pytest.mark.parametrize(
    ("container_id", "name"),
    [
        ("containerd://3f2a", "containerd"),
        ("cri-o://3f2a", "cri-o"),
        ("docker://3f2a", "docker"),
        ("rkt://3f2a", None),
        ("containerd://", None),
        ("", None),
    ],
)
def test_a_container_id_names_the_runtime_without_its_version(container_id: str, name: str | None) -> None:
    runtime = runtime_named_by(container_id)
    assert (runtime.name if runtime else None) == name
    assert not (runtime and runtime.low_ports_free)
