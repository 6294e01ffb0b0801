"""What a second copy of a pod is warned of before the question: leader elections, queues, what the node shares."""

from typing import Any

import pytest

from kubectl_caps.core.fit.second_copy import LeaseRight, has_token, second_copy_warnings


@pytest.mark.parametrize(
    ("container", "says"),
    [
        ({"args": ["--leader-elect=true"]}, "takes part in a leader election (leader-elect)"),
        ({"args": ["--leader-elect"]}, "takes part in a leader election (leader-elect)"),
        ({"args": ["--leader-election"]}, "takes part in a leader election (leader-election)"),
        ({"args": ["--enable-leader-election"]}, "takes part in a leader election (leader-election)"),
        ({"args": ["--leader-elect=false"]}, ""),
        ({"args": ["--leader-election=0"]}, ""),
        ({"env": [{"name": "LEADER_ELECTION_ENABLED", "value": "true"}]}, "leader election (leader_election_enabled)"),
        ({"env": [{"name": "LEADER_ELECTION_ENABLED", "value": "false"}]}, ""),
        ({"env": [{"name": "LEASE_NAME", "value": "web"}]}, "takes part in a leader election (lease_name)"),
        ({"args": ["--lease-duration=15s"]}, "takes part in a leader election (lease-duration)"),
        ({"image": "registry.k8s.io/sig-storage/csi-provisioner:v5"}, "leader election (image csi-provisioner)"),
        ({"image": "r:5000/mirror/ingress-nginx/controller:v1@sha256:0"}, "(image ingress-nginx/controller)"),
        ({"image": "shop/keda-ui:1"}, ""),
        ({"env": [{"name": "BROKER", "value": "amqp://mq"}]}, "seems to read a queue (amqp://)"),
        ({"env": [{"name": "KAFKA_TOPIC", "value": "x"}]}, "seems to read a queue (kafka)"),
        ({"command": ["celery", "worker"]}, "seems to read a queue (celery)"),
        ({"image": "confluentinc/cp-kafka-connect:7"}, "seems to read a queue (image cp-kafka-connect)"),
        ({"command": ["nginx"], "env": [{"name": "A", "valueFrom": {}}]}, ""),
    ],
    ids=str,
)
def test_the_answer_warns_of_the_effects_of_a_second_copy(container: dict[str, Any], says: str) -> None:
    (found,) = list(second_copy_warnings({"containers": [{"name": "c", **container}]})) or [""]
    assert says in found
    assert bool(found) == bool(says)


@pytest.mark.parametrize(
    ("spec", "leases", "says"),
    [
        ({"serviceAccountName": "robot"}, True, "service account robot may write leases: if a program of the pod"),
        ({}, True, "service account default may write leases"),
        ({"serviceAccountName": "robot"}, "why", "whether service account robot may write leases, as for a leader"),
        ({}, "why", "election, is not known: why"),
        ({"serviceAccountName": "robot"}, False, ""),
    ],
    ids=str,
)
def test_a_service_account_that_may_write_leases_is_warned_of(
    spec: dict[str, Any], leases: LeaseRight, says: str
) -> None:
    (found,) = list(second_copy_warnings({"containers": [{"name": "c"}], **spec}, leases=leases)) or [""]
    assert says in found
    assert bool(found) == bool(says)


def test_a_leader_election_is_warned_of_once() -> None:
    spec = {"containers": [{"name": "c", "args": ["--leader-elect"]}]}
    assert len(list(second_copy_warnings(spec, leases=True))) == 1
    assert has_token(spec)
    assert not has_token({**spec, "automountServiceAccountToken": False})


@pytest.mark.parametrize(
    ("spec", "ends", "says"),
    [
        ({}, True, "EVERY TRIAL DOES THE REAL WORK ONCE MORE"),
        ({"hostIPC": True}, False, "hostIPC"),
        ({"hostPID": True}, False, "hostPID"),
        ({"resourceClaims": [{"name": "g", "resourceClaimName": "gpu"}]}, False, "resource claim gpu"),
        ({"resourceClaims": [{"name": "g", "resourceClaimTemplateName": "gpu"}], "hostIPC": False}, False, ""),
    ],
    ids=str,
)
def test_the_plan_warns_of_shared_data_and_repeated_work_of_a_second_pod(
    spec: dict[str, Any], ends: bool, says: str
) -> None:
    (found,) = list(second_copy_warnings({"containers": [], **spec}, ends=ends)) or [""]
    assert says in found
    assert bool(found) == bool(says)
