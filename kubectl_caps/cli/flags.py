"""The tables of the flags of every command. Parsing, help, completion and plugin.yaml use these tables.

The module imports nothing that takes time, so that `--help` and completion start about as fast as Python itself.
"""

import os
import sys
from typing import Any, Literal, NamedTuple, get_args

LEVELS = ("privileged", "baseline", "restricted")
DryRun = Literal["none", "client", "server"]
ExemptionsFrom = Literal["file", "annotation", "all"]
InspectOutput = Literal["table", "wide", "json", "yaml", "name", "sarif", "html"]
HardenOutput = Literal["table", "json", "yaml", "name", "patch"]
LabelOutput = Literal["table", "json", "yaml", "name"]
FitOutput = Literal["table", "json", "yaml"]
PolicyOutput = Literal["yaml", "json"]
PolicyForm = Literal["vap", "map", "kyverno", "gatekeeper"]
VersionOutput = Literal["table", "json", "yaml"]
ExplainOutput = Literal["table", "json", "yaml"]

TRACE_IMAGE = "docker.io/library/busybox:stable"
"""The default image of the tracer. A tracer's image must have sh and busybox, or awk and the usual programs."""

Completed = Literal[
    "", "capabilities", "clusters", "containers", "contexts", "files", "folders", "namespaces", "resources", "shells",
    "subjects", "topics", "users",
]  # fmt: skip


class Flag(NamedTuple):
    """One flag, or the arguments of a command (a name without dashes).

    `value` is the placeholder of the value; a switch has none. `values` are all allowed values. `alone` is the value of
    a flag that is given without a value. `completes` names the kind of candidates for its value.
    """

    names: tuple[str, ...]
    help: str
    value: str = ""
    values: tuple[str, ...] = ()
    alone: str = ""
    completes: Completed = ""
    repeated: bool = False
    default: Any = None
    number: bool = False
    dest: str = ""


class Group(NamedTuple):
    """Flags under one title of a help page."""

    title: str
    flags: tuple[Flag, ...]


def _switch(*names: str, text: str, default: bool | None = False) -> Flag:
    return Flag(names, text, default=default)


def _choice(*names: str, values: Any, text: str, default: str | None = None, alone: str = "") -> Flag:
    """A flag with a fixed set of values: a Literal or a tuple."""
    known = values if isinstance(values, tuple) else get_args(values)
    return Flag(names, text, "VALUE", known, alone, default=default)


def _output(formats: Any) -> Flag:
    """The flag `-o` with the values of a Literal. The first value is the default."""
    known = get_args(formats)
    return Flag(("-o", "--output"), f"{', '.join(known[:-1])} or {known[-1]}", "FORMAT", known, default=known[0])


def _resources(text: str) -> Flag:
    return Flag(("resources",), text, "TYPE [NAME…] | TYPE/NAME", completes="resources", repeated=True)


_BOOLEANS = ("true", "false")

NAMESPACE = Flag(
    ("-n", "--namespace"), "the namespace; default: the context's", "NAMESPACE", completes="namespaces"
)  # fmt: skip
EVERYWHERE = _switch("-A", "--all-namespaces", text="all namespaces")
SELECTOR = Flag(("-l", "--selector"), "label selector: app=web,tier!=db", "SELECTOR")
FILES = Flag(
    ("-f", "--filename"), "files, folders or -, no cluster; repeatable", "FILE", completes="files",
    repeated=True,
)  # fmt: skip
KUSTOMIZE = Flag(
    ("-k", "--kustomize"), "the output of `kubectl kustomize DIR`", "DIR", completes="folders"
)  # fmt: skip
RECURSIVE = _switch("-R", "--recursive", text="with -f: folders in folders, too")
EXCLUDE = Flag(("--exclude",), "with -f: leave out paths that match; repeatable", "GLOB", repeated=True)
KIND = Flag(
    ("--kind",), "a custom kind that makes pods, and where its pod template is: "
    "example.com/Fleet=spec.jobs.*.template; repeatable", "GROUP/KIND=PATH", repeated=True, dest="kinds",
)  # fmt: skip
DRY_RUN = Flag(
    ("--dry-run",), "none, client (shows) or server (tries)", "MODE", get_args(DryRun), default="none"
)  # fmt: skip
MANAGER = Flag(
    ("--field-manager",), "the name to record the change under", "NAME", default="kubectl-caps"
)  # fmt: skip
WRITE = _switch("--write", text="with -f: edit the files in place")
DIFF = _switch("--diff", text="with -f: print a unified diff")
CHECK = _switch("--check", text="with -f: only check; exit with 1 for a change")
EXEMPTIONS = Flag(
    ("--exemptions",), "accepted findings: shown, but not counted", "FILE", completes="files"
)  # fmt: skip
EXEMPTIONS_FROM = Flag(
    ("--exemptions-from",), "which exemptions count: file, annotation or all", "WHERE", get_args(ExemptionsFrom),
    default="all",
)  # fmt: skip
CONTAINERS = Flag(
    ("-c", "--container"), "only this container; repeatable", "NAME[,NAME]", completes="containers", repeated=True
)
ESCALATION = Flag(
    ("--allow-privilege-escalation",), "keep: leave allowPrivilegeEscalation as it is", "false|keep",
    ("false", "keep"), default="false",
)  # fmt: skip
YES = _switch("-y", "--yes", text="do not ask")
SETTLE = Flag(
    ("--settle",), "how long new pods must stay up; default 10s", "TIME", default="10s"
)  # fmt: skip

CLUSTER: tuple[Flag, ...] = (
    Flag(("--kubeconfig",), "the kubeconfig file to use", "FILE", completes="files"),
    Flag(("--context",), "the context of the kubeconfig to use", "NAME", completes="contexts"),
    Flag(("--cluster",), "the cluster of the kubeconfig to use", "NAME", completes="clusters"),
    Flag(("--user",), "the user of the kubeconfig to use", "NAME", completes="users"),
    Flag(("-s", "--server"), "the API server's address", "URL"),
    Flag(("--token",), "bearer token", "TOKEN"),
    Flag(("--as",), "the user to impersonate", "USER", dest="as_user"),
    Flag(("--as-group",), "a group to impersonate; repeatable", "GROUP", repeated=True, dest="as_groups"),
    Flag(("--as-uid",), "the uid to impersonate", "UID"),
    Flag(("--certificate-authority",), "the CA that signed the server's certificate", "FILE", completes="files"),
    Flag(("--client-certificate",), "client certificate for TLS", "FILE", completes="files"),
    Flag(("--client-key",), "client key for TLS", "FILE", completes="files"),
    Flag(("--tls-server-name",), "the name to look for in the server's certificate", "NAME"),
    _switch("--insecure-skip-tls-verify", text="trust any server certificate", default=None),
    Flag(("--request-timeout",), "how long one request may take: 5, 5s, 2m, 3h; 0 is no limit", "TIME"),
    Flag(
        ("-v", "--v"), "6: print requests; 7: headers; 8: bodies; 9: as curl", "LEVEL", tuple("6789"), number=True,
        default=0, dest="verbosity",
    ),
)  # fmt: skip

COMMON: tuple[Group, ...] = (Group("Cluster and user", CLUSTER), Group("Custom kinds", (KIND,)))
"""The flags of every command that reads workloads. They stand on the page of `options`."""
CHANGED = Group("Changed files (harden)", (_switch(
    "--changed-files", text="the arguments are files; files without objects are passed over; for pre-commit",
),))  # fmt: skip
"""The flag for changed files, which stands on the page of `options`, too."""
ACCEPTED = Group("Accepted findings (inspect, policy, and harden -f --check)", (EXEMPTIONS, EXEMPTIONS_FROM))
"""The flags for exemptions, which stand on the page of `options`, too."""

TRACER_IMAGE = Flag(("--trace-image",), f"the image of that pod; default {TRACE_IMAGE}", "IMAGE")
TRACER_NAMESPACE = Flag(
    ("--trace-namespace",), "the namespace of that pod; default: the namespace of the traced pods", "NAMESPACE",
    completes="namespaces",
)  # fmt: skip

INSPECT: tuple[Group, ...] = (
    Group("Objects", (
        _resources("default: all workloads of the namespace"),
        NAMESPACE, EVERYWHERE, SELECTOR, FILES, KUSTOMIZE, RECURSIVE, EXCLUDE,
    )),
    Group("Running processes", (
        Flag(
            ("--live",), "also read the capability sets of every process", "exec|ephemeral", ("exec", "ephemeral"),
            alone="exec",
        ),
        Flag(("--image",), "with --live=ephemeral: an image that has a shell", "IMAGE"),
        Flag(("--trace",), "record their capability checks, by a privileged pod on the node", "TIME"),
        TRACER_IMAGE, TRACER_NAMESPACE,
    )),
    Group("Rules", (
        Flag(
            ("--runtime",), "assumed if no node names its container runtime", "RUNTIME",
            ("containerd", "cri-o", "docker"),
        ),
        Flag(("--pod-security-version",), "default: the server's, or the newest", "VERSION"),
    )),
    Group("Gates", (
        Flag(
            ("--fail-on",), "exit with 1 if a container has this risk or worse", "RISK",
            ("low", "medium", "high", "critical"),
        ),
        Flag(("--require",), "exit with 1 if a workload is not at this level", "LEVEL[:VERSION]", LEVELS),
    )),
    Group("Output", (_output(InspectOutput), Flag(("--sort-by",), "sort by risk, the worst first", "risk", ("risk",)))),
)  # fmt: skip

HARDEN: tuple[Group, ...] = (
    Group("Objects", (
        _resources("the objects to harden; a TYPE alone means all objects of the type"),
        NAMESPACE, EVERYWHERE, SELECTOR,
        _switch("--all", text="everything that runs pods in the namespace"),
        FILES, KUSTOMIZE, RECURSIVE, EXCLUDE,
    )),
    Group("Change", (
        Flag(
            ("--add",), "add back; CONTAINER=CAP[,CAP] only to this one", "CAP[,CAP]",
            completes="capabilities", repeated=True,
        ),
        CONTAINERS,
        _switch("--remove-adds", text="remove the adds of the manifest"),
        ESCALATION,
        Flag(
            ("--profile",), "also set what the restricted level requires", "restricted", ("restricted",),
            default="none",
        ),
        Flag(("--run-as-user",), "also set runAsUser", "UID", number=True),
    )),
    Group("Rollout", (
        _choice("--wait", values=_BOOLEANS, default="true", alone="true",
                text="watch the rollout, or a CronJob's next run"),
        _switch("--trigger", text="CronJob: make a run now, and watch that run"),
        _choice("--rollback", values=_BOOLEANS, default="true", alone="true", text="undo a failed rollout"),
        _choice("--canary", values=_BOOLEANS, alone="true", text="try one pod before anything is sent"),
        Flag(("--timeout",), "how long a rollout may take; default 10m", "TIME", default="10m"),
        SETTLE,
        _switch("--accept-complaints", text="accept refusals that new pods log"),
        Flag(("--max-parallel",), "how many rollouts at a time; default 1", "N", number=True, default=1),
        _switch("--keep-going", text="go on with other objects when one fails"),
    )),
    Group("Safety", (
        DRY_RUN, MANAGER, YES._replace(help="do not ask; containers may gain from --add"),
        _switch("--force", text="also if unhealthy, or with gains from --add"),
        Flag(("--undo-to",), "save the patches that undo this run, first", "FILE", completes="files"),
        Flag(("--undo",), "undo the run that was saved with --undo-to", "FILE", completes="files"),
    )),
    Group("Output", (_output(HardenOutput), WRITE, DIFF, CHECK)),
)  # fmt: skip

LABEL_NS: tuple[Group, ...] = (
    Group("Namespaces", (
        Flag(("names",), "the namespaces", "NAME", completes="namespaces", repeated=True),
        SELECTOR,
        _switch("--all", text="all namespaces except those of the system"),
        FILES, KUSTOMIZE, RECURSIVE, EXCLUDE,
    )),
    Group("Labels", (
        *(
            Flag((f"--{mode}",), f"the {mode} label: {', '.join(LEVELS)}", "LEVEL[:VERSION]", LEVELS)
            for mode in ("enforce", "warn", "audit")
        ),
        Flag(
            ("--remove",), "remove the labels of a mode: enforce, warn or audit", "MODE", ("enforce", "warn", "audit"),
            repeated=True,
        ),
        _switch("--overwrite", text="replace a label that has another value"),
        _switch("--force", text="label even if something would be refused; also loosen"),
        Flag(("--kubernetes-version",), "with -f: the version that `latest` means", "1.N"),
    )),
    Group("Safety", (
        DRY_RUN, MANAGER, _switch("--plan", text="change nothing; print the next commands, in order"),
    )),
    Group("Output", (_output(LabelOutput), WRITE, DIFF, CHECK)),
)  # fmt: skip

FIT: tuple[Group, ...] = (
    Group("Objects", (
        Flag(("resources",), "the workload to find the capabilities of", "TYPE NAME | TYPE/NAME",
             completes="resources", repeated=True),
        NAMESPACE, FILES, KUSTOMIZE, RECURSIVE, EXCLUDE, CONTAINERS,
    )),
    Group("Trials", (
        Flag(
            ("--evidence",), "strace output, a log, an audit log, or the JSON of inspektor-gadget or Kubescape; "
            "repeatable", "FILE", completes="files", repeated=True,
        ),
        Flag(("--probe",), "a shell command that has to succeed in a trial pod", "COMMAND"),
        SETTLE._replace(help="how long a trial pod must stay up; default 10s"),
        Flag(("--timeout",), "how long a trial may take; default 5m", "TIME", default="5m"),
        Flag(("--parallel",), "how many trial pods at a time; default 4", "N", number=True, default=4),
        Flag(("--max-trials",), "how many trials at most; default 60", "N", number=True, default=60),
        Flag(
            ("--trial-volumes",), "for volumes with data that can be written: empty ones, or share the real ones",
            "empty|share", ("empty", "share"),
        ),
        ESCALATION,
        Flag(
            ("--profile",), "also try it as restricted, without any capability", "restricted", ("restricted",),
            default="none",
        ),
    )),
    Group("The kernel's evidence", (
        _switch("--trace", text="record the kernel's capability checks, by a privileged pod on the node"),
        TRACER_IMAGE, TRACER_NAMESPACE,
    )),
    Group("Change", (_switch("--apply", text="go on to harden the workload with the answer"), YES, MANAGER)),
    Group("Output", (_output(FitOutput),)),
)  # fmt: skip

POLICY: tuple[Group, ...] = (
    Group("Objects", (
        NAMESPACE, FILES, KUSTOMIZE, RECURSIVE, EXCLUDE,
        Flag(
            ("--from",), "the JSON of `fit` or `inspect`, instead of a cluster or manifests", "FILE",
            completes="files", dest="document",
        ),
    )),
    Group("Policy", (
        Flag(
            ("--form",), "for Kubernetes (vap; map also fills in what pods leave out), for kyverno or for gatekeeper",
            "FORM", get_args(PolicyForm), default="vap",
        ),
        Flag(
            ("--action",), "audit, warn, deny; default: audit,warn", "ACTION[,ACTION]", ("audit", "warn", "deny"),
            repeated=True,
        ),
        Flag(
            ("--controller",), "another controller's user, whose pods count for their owner; repeatable", "USER",
            repeated=True, dest="controllers",
        ),
    )),
    Group("Cluster", (
        _switch("--apply", text="apply the policy to the cluster"),
        _switch("--check", text="compare; exit with 1 if policy and namespace differ"),
        _switch("--remove", text="delete the policy on the cluster"),
        DRY_RUN, MANAGER,
        _switch("--force", text="apply even if something would be refused, or in kube-system"),
    )),
    Group("Output", (
        _output(PolicyOutput),
        Flag(("--tests",), "write example pods and their verdicts into a new folder", "DIR", completes="folders"),
    )),
)  # fmt: skip

EXPLAIN: tuple[Group, ...] = (
    Group("Output", (
        Flag(
            ("subject",),
            "a word, a mask, a line in quotes, or - for a log or strace output on standard input; default: list all",
            'CAP | MASK | SYSCALL | CHECK | WARNING | "LOG LINE" | -', completes="subjects",
        ),
        _output(ExplainOutput),
    )),
)  # fmt: skip

COMPLETION: tuple[Group, ...] = (
    Group("", (
        Flag(
            ("shell",), "the shell; kubectl: the file that kubectl looks for", "bash|zsh|fish|kubectl|install",
            completes="shells",
        ),
        Flag(
            ("of",), "with install: the shell to install for; default: the one of $SHELL", "bash|zsh|fish",
            ("bash", "zsh", "fish"),
        ),
    )),
)  # fmt: skip

VERSION: tuple[Group, ...] = (
    Group("Output", (
        _switch("--client", text="only the version of this program: no server needed"),
        Flag(("-o", "--output"), "json or yaml", "FORMAT", get_args(VersionOutput)[1:], default="table"),
    )),
)  # fmt: skip

HELP: tuple[Group, ...] = (
    Group("", (Flag(("topic",), "the command; default: all commands", "COMMAND", completes="topics"),)),
)


def program_name() -> str:
    """The name of the program in messages: `kubectl caps`, or `python -m kubectl_caps` for a run as a module."""
    name = os.path.basename(sys.argv[0])  # noqa: PTH119 - pathlib costs 5 ms of start-up
    return "kubectl caps" if name.startswith("kubectl-caps") else "python -m kubectl_caps"
