"""The labels of a trial's pod: no selector takes the pod, and no more labels go than have to."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_caps.core.fit.selectors import PodSelector, own_selector, selector_of, unselected
from kubectl_caps.core.kubernetes.label_selector import LabelSelector, Requirement

WEB = {"app": "web", "tier": "front", "team": "shop"}
FIXED = {"caps.kubectl/fit": "x7k2p"}


def obj(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": spec}


def labelled(**labels: str) -> dict[str, Any]:
    return {"matchLabels": labels}


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": list(values)} if values else {})}]}


SELECTING: list[tuple[str, dict[str, Any], bool]] = [
    ("Service", obj("s", selector={"app": "web"}), True),
    ("Service", obj("s", selector={"app": "web", "tier": "back"}), False),
    ("Service", obj("s", selector={}), False),
    ("Service", obj("s"), False),
    ("PodDisruptionBudget", obj("b", selector=labelled(app="web")), True),
    ("PodDisruptionBudget", obj("b", selector={}), True),
    ("PodDisruptionBudget", obj("b"), False),
    ("NetworkPolicy", obj("n", podSelector={}), True),
    ("NetworkPolicy", obj("n", podSelector=expression("tier", "In", "front", "back")), True),
    ("NetworkPolicy", obj("n", podSelector=expression("tier", "NotIn", "front")), False),
    ("Deployment", obj("d", selector=expression("app", "Exists")), True),
    ("Deployment", obj("d", selector=expression("app", "DoesNotExist")), False),
    ("Deployment", obj("d", selector=expression("app", "Fancy")), True),
    ("ReplicationController", obj("r", selector={"app": "web"}), True),
]


@pytest.mark.parametrize(("kind", "found", "selects"), SELECTING, ids=lambda value: str(value)[:60])
def test_a_selector_is_read_as_by_the_api_server(kind: str, found: dict[str, Any], selects: bool) -> None:
    selector = selector_of(kind, found)
    assert (selector is not None and selector.matches(WEB)) == selects


@pytest.mark.parametrize(
    ("found", "selects"),
    [
        ({"spec": {"selector": labelled(app="web")}}, True),
        ({"spec": {"selector": expression("app", "Exists")}}, True),
        ({"spec": {"selector": labelled(app="other")}}, False),
        ({"spec": {"selector": {}}}, False),
        ({"spec": {"selector": {"matchExpressions": [{"x": 1}]}}}, False),
        ({"spec": {"selector": {"matchLabels": "app"}}}, False),
        ({"spec": {"selector": ["app"]}}, False),
        ({"spec": None}, False),
    ],
    ids=str,
)
def test_the_selector_of_a_custom_kind_counts_where_it_is_one(found: dict[str, Any], selects: bool) -> None:
    selector = own_selector("rollout/x", found)
    assert bool(selector and selector.matches(WEB)) == selects


def test_only_the_labels_that_selectors_need_go() -> None:
    selectors = [
        PodSelector("service/web", LabelSelector({"app": "web"})),
        PodSelector("service/all", LabelSelector({"app": "web", "team": "shop"})),
        PodSelector("service/other", LabelSelector({"app": "other"})),
    ]
    left = unselected(WEB, FIXED, selectors)
    assert (left.labels, left.removed, left.unavoidable) == ({"tier": "front", "team": "shop"}, ("app",), ())


def test_a_selector_for_a_missing_label_is_avoided_by_leaving_out_another_label() -> None:
    lacking = PodSelector("service/odd", LabelSelector({"team": "shop"}, (Requirement("app", "DoesNotExist"),)))
    left = unselected(WEB, FIXED, [PodSelector("service/web", LabelSelector({"app": "web"})), lacking])
    assert left.labels == {"tier": "front"}


def test_a_selector_that_takes_every_pod_cannot_be_avoided() -> None:
    budget = selector_of("PodDisruptionBudget", obj("all", selector={}))
    policy = selector_of("NetworkPolicy", obj("all", podSelector={}))
    assert budget
    assert policy
    left = unselected(WEB, FIXED, [budget, policy])
    assert [(one.owner, one.harmless) for one in left.unavoidable] == [
        ("poddisruptionbudget/all", False),
        ("networkpolicy/all", True),
    ]


KEYS = st.sampled_from(["a", "b", "c"])
VALUES = st.sampled_from(["1", "2"])
OPERATORS = st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"])
REQUIREMENTS = st.builds(Requirement, KEYS, OPERATORS, st.tuples(VALUES))
SELECTORS = st.builds(
    PodSelector,
    owner=st.just("x"),
    selector=st.builds(
        LabelSelector, st.dictionaries(KEYS, VALUES, max_size=2), st.lists(REQUIREMENTS, max_size=2).map(tuple)
    ),
)


@given(labels=st.dictionaries(KEYS, VALUES), selectors=st.lists(SELECTORS, max_size=4))
def test_a_trial_pod_is_selected_only_by_the_named_selectors(
    labels: dict[str, str], selectors: list[PodSelector]
) -> None:
    left = unselected(labels, FIXED, selectors)
    assert [one for one in selectors if one.matches({**left.labels, **FIXED})] == list(left.unavoidable)
    assert left.labels.items() <= labels.items()
