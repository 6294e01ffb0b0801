"""From argv to the struct of a command: what is given, in which unit, and what does not go together."""

import math
from typing import Any

import pytest

from kubectl_caps.cli.explain import explain_arguments
from kubectl_caps.cli.fit import fit_arguments
from kubectl_caps.cli.flags import TRACE_IMAGE
from kubectl_caps.cli.harden import harden_arguments
from kubectl_caps.cli.inspect import inspect_arguments
from kubectl_caps.cli.label_ns import label_ns_arguments
from kubectl_caps.cli.parser import InvalidCommandLine, parse
from kubectl_caps.core.assess.gates import Gate
from kubectl_caps.core.fit.options import TrialOptions
from kubectl_caps.core.harden.plan import HardenOptions
from kubectl_caps.core.label.plan_labels import LabelRequest
from kubectl_caps.core.linux.runtimes import by_name
from kubectl_caps.errors import UsageError

READERS: dict[str, Any] = {
    "inspect": inspect_arguments,
    "harden": harden_arguments,
    "label-ns": label_ns_arguments,
    "explain": explain_arguments,
    "fit": fit_arguments,
}


def read(line: str) -> Any:
    """The struct of a command line."""
    argv = line.split()
    return READERS[argv[0]](parse(argv))


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("inspect", {"resources": (), "output": "table", "live": None, "minor": None, "gate": Gate()}),
        ("inspect", {"on_files": False, "annotations": True, "worst_first": False, "exclude": ()}),
        ("inspect deploy -n shop web", {"resources": ("deploy", "web"), "namespace": "shop"}),
        ("inspect --live web", {"live": "exec", "resources": ("web",)}),
        ("inspect --live=ephemeral --image=busybox", {"live": "ephemeral", "image": "busybox"}),
        ("inspect -f a -f b -R --exclude x", {"filename": ("a", "b"), "recursive": True, "exclude": ("x",)}),
        ("inspect -k dir", {"kustomize": "dir", "on_files": True}),
        ("inspect --fail-on high --require baseline:v1.30", {"gate": Gate("high", "baseline"), "minor": 30}),
        ("inspect --pod-security-version v1.25", {"minor": 25}),
        ("inspect --runtime cri-o --sort-by risk", {"runtime": by_name("cri-o"), "worst_first": True}),
        ("inspect --exemptions e --exemptions-from file", {"exemptions": "e", "annotations": False}),
        ("inspect --as al --as-group a --as-group b", {"as_user": "al", "as_groups": ("a", "b")}),
        ("fit deploy/web", {"trials": TrialOptions(settle=10, timeout=300), "max_trials": 60, "apply": False}),
        ("fit deploy/web --trace", {"trace": True, "trace_image": TRACE_IMAGE, "trace_namespace": None}),
        ("fit deploy/web --trace --trace-image i --trace-namespace n", {"trace_image": "i", "trace_namespace": "n"}),
        ("inspect deploy/web --trace 10m", {"trace": 600.0, "trace_image": TRACE_IMAGE}),
        ("fit deploy web -c a,b --evidence e", {"containers": ("a", "b"), "evidence": ("e",), "restricted": False}),
        ("fit -f a -n shop -y --profile restricted", {"on_files": True, "yes": True, "restricted": True}),
        (
            "fit deploy/web --trial-volumes empty --probe true --parallel 1 --settle 2s --timeout 1m",
            {"trials": TrialOptions(settle=2, timeout=60, parallel=1, volumes="empty", probe="true")},
        ),
        ("label-ns a b", {"names": ("a", "b"), "requests": (LabelRequest("enforce", "restricted"),)}),
        ("label-ns a --remove warn,audit", {"requests": (LabelRequest("audit", None), LabelRequest("warn", None))}),
        ("label-ns a --warn baseline:v1.30", {"requests": (LabelRequest("warn", "baseline", "v1.30"),)}),
        ("label-ns a", {"dry_run": "none", "field_manager": "kubectl-caps", "overwrite": False, "minor": None}),
        ("label-ns a --plan --dry-run=server", {"dry_run": "client", "plan": True}),
        ("label-ns -f a --kubernetes-version 1.30 --check", {"minor": 30, "check": True, "write": False}),
        ("label-ns -f a --dry-run=none", {"dry_run": "none", "on_files": True}),
        ("harden deploy/web", {"wait": True, "rollback": True, "timeout": 600.0, "settle": 10.0, "max_parallel": 1}),
        ("harden deploy/web", {"dry_run": "none", "wanted": HardenOptions(), "undo": None, "annotations": True}),
        ("harden --wait deploy/web --rollback=false", {"wait": True, "rollback": False, "resources": ("deploy/web",)}),
        ("harden deploy/web --timeout 1h30m --settle 500ms", {"timeout": 5400.0, "settle": 0.5}),
        ("harden deploy/web --timeout 90 --settle 0", {"timeout": 90.0, "settle": 0.0}),
        ("harden deploy/web", {"canary": "auto"}),
        ("harden --canary deploy/web", {"canary": "yes", "resources": ("deploy/web",)}),
        ("harden deploy/web --canary=false", {"canary": "no"}),
        ("harden deploy/web --timeout 0", {"timeout": math.inf}),
        ("harden deploy/web -o patch", {"dry_run": "client", "output": "patch"}),
        ("harden deploy/web -o patch --dry-run=server", {"dry_run": "server"}),
        (
            "harden x --add net_raw,CAP_CHOWN --add web=KILL --yes",
            {"wanted": HardenOptions(add=("NET_RAW", "CHOWN"), add_in=(("web", "KILL"),), agreed=True)},
        ),
        ("harden x -c a,b --run-as-user 7", {"wanted": HardenOptions(containers=("a", "b"), run_as_user=7)}),
        ("harden -f a --write --add CHOWN --yes", {"write": True, "on_files": True, "yes": True}),
        ("harden -f a --check --exemptions e", {"check": True, "exemptions": "e"}),
        ("harden cj/a --trigger", {"trigger": True, "wait": True, "given": frozenset({"resources", "trigger"})}),
        ("harden --undo f --force", {"undo": "f", "force": True, "given": frozenset({"undo", "force"})}),
        ("explain", {"subject": None, "output": "table"}),
        ("explain - -o yaml", {"subject": "-", "output": "yaml"}),
    ],
)
def test_a_command_line_is_a_struct(line: str, wanted: dict[str, Any]) -> None:
    found = read(line)
    assert {name: getattr(found, name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("inspect -f a -A", "TYPE, NAME and -A cannot be used with -f"),
        ("inspect -f a pods", "TYPE, NAME and -A cannot be used with -f"),
        ("inspect -k a -l app=web", "-l selects objects of a cluster"),
        ("inspect -f a --live", "does not go with -f"),
        ("inspect -R", "--recursive goes with -f"),
        ("inspect -f a -k b", "only one of -f or -k"),
        ("inspect -k b -R", "the -k flag can't be used"),
        ("inspect --exclude x", "--exclude goes with -f"),
        ("inspect --sort-by name", '"--sort-by" flag: must be risk'),
        ("inspect --fail-on bad", '--fail-on: invalid value "bad"'),
        ("inspect --require baseline:v1.30 --pod-security-version v1.31", "name different versions"),
        ("inspect --exemptions e --exemptions-from annotation", "cannot be used together"),
        ("inspect -o patch", 'the output format "patch", allowed formats are: table, wide'),
        ("label-ns -f a --all", "--all, --plan, --dry-run and --field-manager have no meaning with -f"),
        ("label-ns -f a --dry-run=client", "--all, --plan, --dry-run and --field-manager have no meaning with -f"),
        ("label-ns -f a --field-manager=kubectl-caps", "--field-manager have no meaning with -f"),
        ("label-ns -f a -l x", "-l selects objects of a cluster"),
        ("label-ns a --kubernetes-version 1.30", "--kubernetes-version goes with -f"),
        ("label-ns a --check", "--check goes with -f"),
        ("label-ns a --all", "name cannot be provided together with --all"),
        ("label-ns a --warn baseline --plan", "--plan leads to --enforce"),
        ("label-ns a --warn baseline --remove warn", "--warn and --remove warn cannot be used together"),
        ("harden -f a --yes", "--yes has no meaning with -f"),
        ("harden -f a --canary=false", "--canary has no meaning with -f"),
        ("harden x --canary --wait=false", "it does not go with --wait=false"),
        ("harden -f a --timeout=10m", "--timeout has no meaning with -f"),
        ("harden -f a -n x -A", "--all-namespaces has no meaning with -f"),
        ("harden -f a web", "when -f is given, TYPE and NAME cannot be"),
        ("harden -f a --exemptions e", "--exemptions goes with -f and --check"),
        ("harden x --exemptions-from all", "--exemptions-from goes with -f and --check"),
        ("harden --undo f x", "TYPE has no meaning with --undo"),
        ("harden --undo f -n x", "--namespace has no meaning with --undo"),
        ("harden --undo f --profile none", "--profile has no meaning with --undo"),
        ("harden x --undo-to f --dry-run=client", "--undo-to saves what undoes a change"),
        ("harden cj/a --trigger --wait=false", "--trigger watches the run that it makes"),
        ("harden --undo f --trigger", "--trigger has no meaning with --undo"),
        ("harden -f a --trigger", "--trigger has no meaning with -f"),
        ("harden x --max-parallel 0", "--max-parallel must be 1 or more"),
        ("harden x --timeout 1m30", 'invalid argument "1m30" for "--timeout" flag'),
        ("harden x --settle -1s", "flag needs an argument: --settle"),
        ("harden x --settle=-1s", 'invalid argument "-1s" for "--settle" flag'),
        ("fit x --trace-image i", "--trace-image goes with --trace"),
        ("fit x --trace-namespace n", "--trace-namespace goes with --trace"),
        ("inspect x --trace-image i", "--trace-image goes with --trace"),
        ("inspect -f a --trace 1m", "--trace is about running pods: it does not go with -f"),
        ("inspect --trace 1m", "--trace needs a resource"),
        ("inspect x --trace 1m --live", "--trace goes with neither --live nor a gate"),
        ("inspect x --trace 1m --fail-on low", "--trace goes with neither --live nor a gate"),
        ("inspect x --trace 1m -o html", "--trace prints a table, json or yaml"),
        ("inspect x --trace 0", "--trace must be above 0"),
        ("inspect x --trace soon", "a duration is written 90s"),
        ("fit x --parallel 0", "--parallel must be 1 or more"),
        ("fit x --max-trials 0", "--max-trials must be 1 or more"),
        ("fit x --apply -o json", "--apply does not go with -o json"),
        ("fit x --timeout 0", "--timeout must be above 0"),
        ("fit x --trial-volumes none", '"--trial-volumes" flag: must be empty or share'),
        ("fit x --allow-privilege-escalation true", "--allow-privilege-escalation must be false or keep"),
        ("fit x --profile baseline", 'unknown profile "baseline"'),
        ("fit x -o name", 'the output format "name", allowed formats are: table, json, yaml'),
        ("fit -f a web", "when -f is given, TYPE and NAME cannot be"),
        ("fit -f a --apply", "--apply goes with an object of the cluster"),
        ("fit x -R", "--recursive goes with -f"),
        ("explain -o name", 'the output format "name", allowed formats are: table, json, yaml'),
    ],
)
def test_flags_that_do_not_go_together_are_refused(line: str, words: str) -> None:
    with pytest.raises((UsageError, InvalidCommandLine)) as refused:
        read(line)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("line", "flag"),
    [
        ("inspect --kustomize=", "-k"),
        ("label-ns --all --kustomize=", "-k"),
        ("fit deploy/web --kustomize=", "-k"),
        ("harden --all --kustomize=", "-k"),
        ("harden deploy/web --undo=", "--undo"),
        ("harden deploy/web --undo-to=", "--undo-to"),
        ("harden -f x --undo=", "--undo"),
    ],
)
def test_an_empty_path_never_turns_a_command_into_another(line: str, flag: str) -> None:
    """A script's variable may be unset: `--undo "$FILE"` must not harden."""
    with pytest.raises(UsageError, match=f'invalid argument "" for "{flag}" flag: the path is empty'):
        read(line)


def test_a_flag_is_given_also_with_its_default_and_by_its_short_name() -> None:
    options = parse(["harden", "-y", "-cweb", "--wait=true", "deploy/web", "-o", "table"])
    assert options.given == {"yes", "container", "wait", "resources", "output"}
    assert parse(["harden"]).given == frozenset()
    assert parse(["harden"]).timeout == "10m"
