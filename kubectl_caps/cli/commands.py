"""The table of all commands: their summary, usage, examples and flags."""

from collections.abc import Iterator
from typing import NamedTuple

from kubectl_caps.cli import flags
from kubectl_caps.cli.flags import Flag, Group


class Command(NamedTuple):
    """One command. `usage` are the arguments after its name. `common` are its flags on the page of `options`.

    `examples` are pairs of a comment and a command line, in which `{program}` is the program's name.
    """

    summary: str
    usage: str = ""
    groups: tuple[Group, ...] = ()
    common: tuple[Group, ...] = ()
    examples: tuple[tuple[str, str], ...] = ()

    def flags(self) -> Iterator[Flag]:
        """The command's own flags, then the common flags."""
        for group in (*self.groups, *self.common):
            yield from group.flags


COMMANDS: dict[str, Command] = {
    "inspect": Command(
        "Show the capabilities that containers declare and get, their risk and Pod Security level",
        "[TYPE [NAME…] | TYPE/NAME… | -f FILE | -k DIR] [options]",
        flags.INSPECT,
        common=(*flags.COMMON, flags.ACCEPTED),
        examples=(
            ("every workload of the current namespace", "{program} inspect"),
            ("one deployment in detail, another namespace", "{program} inspect deployment/web -n shop"),
            ("the capabilities that every process holds", "{program} inspect -n shop --live"),
            ("manifests, no cluster needed", "{program} inspect -f deploy/ -R -o json"),
        ),
    ),
    "harden": Command(
        "Drop ALL capabilities and add the chosen ones, on a cluster or in files",
        "(TYPE [NAME…] | TYPE/NAME… | --all | -f FILE) [options]",
        flags.HARDEN,
        common=(*flags.COMMON, flags.ACCEPTED, flags.CHANGED),
        examples=(
            ("try it on the server, change nothing", "{program} harden deployment web --dry-run=server"),
            (
                "drop ALL, keep one capability, watch the rollout, undo it if it fails",
                "{program} harden deployment web --add NET_BIND_SERVICE",
            ),
            (
                "everything in a namespace, one rollout after the other; save the undo",
                "{program} harden --all -n shop --undo-to shop-undo.json",
            ),
            ("edit manifests in place, only the lines that must change", "{program} harden -f deploy/ --write"),
        ),
    ),
    "label-ns": Command(
        "Set Pod Security labels on namespaces, after showing what the labels would refuse",
        "(NAME… | -l SELECTOR | --all | -f FILE) [options]",
        flags.LABEL_NS,
        common=flags.COMMON,
        examples=(
            (
                "enforce the restricted level, unless it would refuse something",
                "{program} label-ns shop",
            ),
            ("warn now, enforce later", "{program} label-ns shop --warn restricted --audit restricted"),
        ),
    ),
    "fit": Command(
        "Find the smallest set of capabilities that a workload works with, on trial pods",
        "(TYPE NAME | TYPE/NAME | -f FILE) [options]",
        flags.FIT,
        common=flags.COMMON,
        examples=(
            ("find the capabilities that it needs; the workload itself is not changed", "{program} fit deployment/web"),
            (
                "a trial must also answer a request",
                "{program} fit deployment/web --probe 'wget -qO- localhost'",
            ),
            ("then harden it with the answer", "{program} fit deployment/web --apply"),
            ("before it is deployed", "{program} fit -f web.yaml -n shop"),
        ),
    ),
    "policy": Command(
        "Make an admission policy that refuses workloads more rights than they have now",
        "[-f FILE | --from FILE | --apply | --check | …] [options]",
        flags.POLICY,
        common=(*flags.COMMON, flags.ACCEPTED),
        examples=(
            ("print the policy, and the objects that it would refuse", "{program} policy -n shop"),
            ("apply it; it warns and audits", "{program} policy -n shop --apply"),
            ("deny, once nothing would be refused any more", "{program} policy -n shop --action deny --apply"),
            ("compare the policy with the namespace", "{program} policy -n shop --check"),
            ("make it of manifests, for git", "{program} policy -f deploy/ -n shop"),
        ),
    ),
    "explain": Command(
        "Explain a capability, a mask, a system call, a Pod Security check, a warning, or a log",
        '[CAP | MASK | SYSCALL | CHECK | WARNING | "LOG LINE" | -]',
        flags.EXPLAIN,
        examples=(
            ("what it allows, why it is dangerous, what needs it", "{program} explain NET_ADMIN"),
            ("which capabilities a mask of /proc/PID/status stands for", "{program} explain a80425fb"),
            ("why a program failed", '{program} explain "bind() to 0.0.0.0:80 failed (13: Permission denied)"'),
            ("explain every refusal in the output of strace", "strace -f PROGRAM 2>&1 | {program} explain -"),
        ),
    ),
    "completion": Command(
        "Print a shell completion script, or install completion",
        "(bash | zsh | fish | kubectl | install [SHELL])",
        flags.COMPLETION,
        examples=(
            ("install everything that kubectl and your shell need", "{program} completion install"),
            ("for this bash only, without kubectl", "source <({program} completion bash)"),
        ),
    ),
    "help": Command("Show the help of a command", "[COMMAND]", flags.HELP),
    "options": Command("List the flags of the cluster, which most commands take"),
    "version": Command(
        "Print the versions of this program, of its Pod Security rules and of the server",
        "[options]",
        flags.VERSION,
        common=(Group("Cluster and user", flags.CLUSTER),),
        examples=(
            ("compare the known rules with the server's", "{program} version"),
            ("without a cluster, for a script", "{program} version --client -o json"),
        ),
    ),
}
