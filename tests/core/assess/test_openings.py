"""Which exemptions a gate is opened by: those without which something would not pass, and never none."""

from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_caps.core.assess.apply_exemptions import exempt
from kubectl_caps.core.assess.assess import assess
from kubectl_caps.core.assess.assessment import Assessment, NodeRuntime
from kubectl_caps.core.assess.exemptions import Exemption, parse_exemption
from kubectl_caps.core.assess.gates import Gate, gate_failures
from kubectl_caps.core.assess.needed_exemptions import openings
from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.workloads import read_workloads
from kubectl_caps.core.linux.runtimes import by_name

TODAY = date(2026, 6, 15)


def entry(number: int, **fields: Any) -> Exemption:
    """An entry of a file."""
    return parse_exemption({"name": "web", "reason": "why", "until": "2027-01-01", **fields}, f"file:{number}")


def pod(add: list[str], **spec: Any) -> Assessment:
    """A pod of two containers, of which one adds these."""
    kind = kind_of("v1", "Pod")
    assert kind
    sealed = {"capabilities": {"drop": ["ALL"]}, "allowPrivilegeEscalation": False}
    both = [
        {"name": "a", "securityContext": {**sealed, "capabilities": {"drop": ["ALL"], "add": add}}},
        {"name": "b", "securityContext": sealed},
    ]
    obj = {"metadata": {"name": "web"}, "spec": {"containers": both, **spec}}
    (workload,) = read_workloads(kind, msgspec.Raw(msgspec.json.encode(obj)), {})
    return assess(workload, [], [NodeRuntime(by_name("containerd"), 0, "assumed")], 37)


def opened(assessment: Assessment, gate: Gate, *exemptions: Exemption) -> list[tuple[str | None, list[str]]]:
    """Container by container, the exempted findings that are named."""
    done = exempt([assessment], exemptions, TODAY).assessments
    return [
        (one.container, [f"{item.id} {item.exemption.origin}" for item in one.items])
        for one in openings(done, gate, TODAY)
    ]


HIGH, CRITICAL, BASELINE = Gate("high"), Gate("critical"), Gate(None, "baseline")
RAW, ADMIN = {"capabilities": ["NET_RAW"]}, {"capabilities": ["SYS_ADMIN"]}
CASES: list[tuple[str, list[str], dict[str, Any], Gate, list[dict[str, Any]], list[tuple[str | None, list[str]]]]] = [
    ("one", ["NET_RAW"], {}, HIGH, [RAW], [("a", ["NET_RAW file:0"])]),
    ("nothing to open", ["CHOWN"], {}, HIGH, [RAW, {"capabilities": ["CHOWN"]}], []),
    ("only what is needed", ["NET_RAW", "SYS_ADMIN"], {}, CRITICAL, [RAW, ADMIN], [("a", ["SYS_ADMIN file:1"])]),
    ("still closed", ["NET_RAW", "SYS_ADMIN"], {}, HIGH, [RAW], []),
    ("two for the same", ["NET_RAW"], {}, HIGH, [RAW, RAW], [("a", ["NET_RAW file:0", "NET_RAW file:1"])]),
    (
        "one and two for the same", ["NET_RAW", "SYS_ADMIN"], {}, HIGH, [RAW, ADMIN, ADMIN],
        [("a", ["NET_RAW file:0", "SYS_ADMIN file:1", "SYS_ADMIN file:2"])],
    ),
    ("ALL covers one that is named", ["NET_RAW"], {}, HIGH, [{"capabilities": ["ALL"]}, RAW],
     [("a", ["ALL file:0", "NET_RAW file:1"])]),
    ("expired", ["NET_RAW"], {}, HIGH, [{**RAW, "until": "2026-06-14"}], []),
    ("a check", [], {"hostPID": True}, BASELINE, [{"checks": ["hostNamespaces"]}], [(None, ["hostNamespaces file:0"])]),
    ("a check for the risk", [], {"hostNetwork": True}, Gate("medium"), [{"checks": ["hostNamespaces"]}],
     [(None, ["hostNamespaces file:0"])]),
    ("an add", ["SYS_ADMIN"], {}, BASELINE, [ADMIN], [("a", ["SYS_ADMIN file:0"])]),
    ("no gate", ["NET_RAW"], {}, Gate(), [RAW], []),
]  # fmt: skip


@pytest.mark.parametrize(("what", "add", "spec", "gate", "entries", "wanted"), CASES, ids=[case[0] for case in CASES])
def test_the_exemptions_that_open_a_gate_are_named(
    what: str, add: list[str], spec: dict[str, Any], gate: Gate, entries: list[dict[str, Any]], wanted: object
) -> None:
    assert opened(pod(add, **spec), gate, *(entry(at, **fields) for at, fields in enumerate(entries))) == wanted, what


ENTRIES = st.lists(
    st.fixed_dictionaries(
        {"until": st.sampled_from(["2027-01-01", "2026-01-01", "never"])},
        optional={
            "capabilities": st.lists(st.sampled_from(["NET_RAW", "SYS_ADMIN", "ALL", "KILL"]), min_size=1),
            "checks": st.lists(st.sampled_from(["hostNamespaces", "capabilities_baseline"]), min_size=1),
            "container": st.sampled_from(["a", "b", "*"]),
        },
    ).filter(lambda fields: "capabilities" in fields or "checks" in fields),
    max_size=5,
)


@given(
    st.lists(st.sampled_from(["NET_RAW", "SYS_ADMIN", "KILL"]), max_size=3, unique=True),
    st.booleans(),
    st.sampled_from([Gate("low"), HIGH, CRITICAL, BASELINE, Gate("high", "restricted")]),
    ENTRIES,
)
def test_a_workload_that_passes_by_exemptions_fails_without_the_named_ones(
    add: list[str], host_pid: bool, gate: Gate, entries: list[dict[str, Any]]
) -> None:
    plain, listed = pod(add, hostPID=host_pid), [entry(at, **fields) for at, fields in enumerate(entries)]

    def failing(exemptions: list[Exemption]) -> set[tuple[str, str]]:
        found = gate_failures(exempt([plain], exemptions, TODAY).assessments, gate)
        return {(one.what, name) for one in found for name in one.containers or ("",)}

    done = exempt([plain], listed, TODAY).assessments
    named = {item.exemption for one in openings(done, gate, TODAY) for item in one.items}
    assert bool(named) == (failing([]) != failing(listed))
    if named:
        assert failing([one for one in listed if one not in named]) > failing(listed)
