"""What docs/platform.md finds: manifests in deploy/, and workloads that only the cluster has."""

NAMESPACES = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {stage: production}}
---
apiVersion: v1
kind: Namespace
metadata: {name: infra, labels: {stage: production}}
"""

_WORKLOAD = """\
apiVersion: apps/v1
kind: {kind}
metadata:
  name: {name}
  namespace: shop
  labels: {{app: {name}, tier: {tier}}}
spec:
  # one will do
  replicas: 1
  selector:
    matchLabels: {{app: {name}}}
  template:
    metadata:
      labels: {{app: {name}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: {name}
          image: {image}
"""

_ROUTER = """\
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: router
  namespace: infra
spec:
  selector:
    matchLabels: {app: router}
  template:
    metadata:
      labels: {app: router}
    spec:
      hostNetwork: true
      terminationGracePeriodSeconds: 1
      containers:
        - name: agent
          image: busybox:1.36
          securityContext:
            capabilities:
              add: [NET_ADMIN]
"""


def _workload(kind: str, name: str, tier: str, image: str) -> str:
    return _WORKLOAD.format(kind=kind, name=name, tier=tier, image=image)


FILES = {
    "deploy/shop/web.yaml": _workload("Deployment", "web", "front", "nginx:1.27"),
    "deploy/shop/api.yaml": _workload("Deployment", "api", "front", "busybox:1.36"),
    "deploy/infra/router.yaml": _ROUTER,
}
"""File -> text. A real repository has some hundred more."""

CLUSTER_ONLY = "---\n".join(
    [
        _workload("StatefulSet", "db", "back", "busybox:1.36"),
        _workload("Deployment", "worker", "back", "busybox:1.36"),
    ]
)
"""What nobody has in git."""
