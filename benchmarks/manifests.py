"""Makes manifests as a repository has them: of each five, three are Deployments, one a Service, one a ConfigMap.

There are a few hundred different Deployments: their images, ports, limits, probes and security contexts differ.
"""

from pathlib import Path
from random import Random

_CONTEXTS = (
    "",
    "          securityContext:\n            runAsNonRoot: true\n",
    "          securityContext:\n            capabilities:\n              add: [NET_ADMIN]\n",
    "          securityContext:\n            capabilities:\n              drop:\n                - NET_RAW\n",
    ("          securityContext:\n            allowPrivilegeEscalation: false\n"
    "            capabilities:\n              add:\n                - NET_BIND_SERVICE\n              drop:\n"
    "                - ALL\n"),
)


def deployment(number: int, chance: Random) -> str:
    """A Deployment of forty lines."""
    name, port, tag = f"web-{number}", 8000 + chance.randrange(8), chance.randrange(8)
    return f"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  namespace: shop
  labels:
    app.kubernetes.io/name: {name}
    app.kubernetes.io/part-of: shop
spec:
  replicas: {1 + chance.randrange(3)}
  selector:
    matchLabels:
      app.kubernetes.io/name: {name}
  template:
    metadata:
      labels:
        app.kubernetes.io/name: {name}
    spec:
      containers:
        - name: web
          image: registry.example.com/shop/web:1.{tag}
          args: ["--listen", ":{port}"]
          ports:
            - containerPort: {port}
              name: http
          env:
            - name: LOG_LEVEL
              value: "info"
            - name: GREETING
              value: 'hello: world'
          readinessProbe:
            httpGet:
              path: /healthz
              port: http
          resources:
            requests:
              cpu: 100m
              memory: {64 * (1 + chance.randrange(3))}Mi
{chance.choice(_CONTEXTS)}      # the queue is emptied first
      terminationGracePeriodSeconds: 60
"""


def other(number: int) -> str:
    """A Service, or a ConfigMap with a file in it."""
    if number % 2:
        return f"""\
apiVersion: v1
kind: Service
metadata:
  name: web-{number}
  namespace: shop
spec:
  selector:
    app.kubernetes.io/name: web-{number}
  ports:
    - port: 80
      targetPort: http
"""
    return f"""\
apiVersion: v1
kind: ConfigMap
metadata:
  name: web-{number}
  namespace: shop
data:
  SHOP_URL: https://shop.example.com/{number}
  shop.conf: |
    # written by hand
    [shop]
    currency = EUR
    kinds = books, music
"""


def texts(count: int) -> list[str]:
    """So many manifests. Every run gets the same manifests."""
    chance = Random(1)
    return [deployment(at, chance) if at % 5 < 3 else other(at) for at in range(count)]


def files(folder: Path, count: int) -> Path:
    """Write a folder with a file for each manifest."""
    folder.mkdir()
    for at, text in enumerate(texts(count)):
        (folder / f"{at:05}.yaml").write_text(text)
    return folder


def one_file(path: Path, count: int) -> Path:
    """Write a file with all manifests."""
    path.write_text("---\n".join(texts(count)))
    return path
