#!/usr/bin/env bash
# The main job on a real cluster whose node has the image nginx:1.27. `make demo-cluster` starts one and runs this.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n# %s\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }
# A command whose answer is no, and that is the point.
refused() { run "$@" && { echo "this was to be refused" >&2; exit 1; } || echo "(exit status $?)"; }

say "An nginx as most of them are: root, port 80, no securityContext"
run kubectl create namespace shop
run kubectl apply -n shop -f examples/nginx.yaml
run kubectl rollout status -n shop deployment/web --timeout=60s
run kubectl caps inspect -n shop

say "Without any capability it does not work. One pod is tried before anything is sent, so nothing is changed:"
refused kubectl caps harden deployment web -n shop

say "Which ones does it need? Trial pods find out. The Deployment is hardened with the answer, and its rollout watched:"
run kubectl caps fit deployment web -n shop --yes --apply
run kubectl caps inspect -n shop

say "A restricted namespace would still not have it, so the label is refused; baseline fits:"
refused kubectl caps label-ns shop --enforce restricted
run kubectl caps label-ns shop --enforce baseline --warn restricted
run kubectl get namespace shop --show-labels
