#!/usr/bin/env bash
# The main job on files: see, harden, judge. Changes nothing and needs no cluster. `make demo` runs it.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n# %s\n' "$*"; }
run() { printf '$ %s\n' "$*" | sed 's/kubectl-caps/kubectl caps/'; "$@"; }

say "What do the containers of these manifests get, and what would a namespace say to them?"
run kubectl-caps inspect -f examples

say "nginx declares nothing, so it gets all of its runtime's defaults. It needs three of them, as fit finds on a cluster:"
run kubectl-caps harden -f examples/nginx.yaml --add CHOWN,SETUID,SETGID --diff

say "The report has no right to anything and needs none. For a restricted namespace it lacks more than that:"
run kubectl-caps harden -f examples/report.yaml --profile restricted --run-as-user 10001 --diff

say "The verdict before and after:"
run kubectl-caps inspect -f examples/report.yaml
printf '$ kubectl caps harden -f examples/report.yaml --profile restricted --run-as-user 10001 | kubectl caps inspect -f -\n'
kubectl-caps harden -f examples/report.yaml --profile restricted --run-as-user 10001 | kubectl-caps inspect -f -

say "A whole namespace: what would enforcing the restricted profile refuse? (exit status 1: the answer is no)"
printf '$ kubectl caps label-ns -f examples/shop.yaml --check\n'
kubectl-caps label-ns -f examples/shop.yaml --check || [ $? = 1 ]
