"""The commands of the matrix, as a table."""

from dataclasses import dataclass

NAMESPACE, FILE = "NAMESPACE", "FILE"
"""Stand for the namespace of the run, and for the file of a saved undo."""

TIMEOUT = 3.0
"""Seconds of --request-timeout in every run."""


@dataclass(frozen=True)
class Command:
    """A command line; `target` is the deployment that it names, empty where it is about namespaces."""

    words: str
    target: str = ""

    def argv(self, namespace: str, file: str) -> list[str]:
        """The words of a run."""
        return [word.replace(NAMESPACE, namespace).replace(FILE, file) for word in self.words.split()]


COMMANDS: dict[str, Command] = {
    "inspect": Command("inspect -n NAMESPACE --fail-on critical", "web"),
    "inspect -o json": Command("inspect -n NAMESPACE -o json", "web"),
    "inspect one": Command("inspect deploy/one -n NAMESPACE", "one"),
    "harden --dry-run": Command("harden deploy/web -n NAMESPACE --dry-run=server --canary=false", "web"),
    "harden --wait=false": Command("harden deploy/web -n NAMESPACE --wait=false --canary=false", "web"),
    "harden": Command("harden deploy/one -n NAMESPACE --canary=false --settle=1s --timeout=20s", "one"),
    "harden, rolled back": Command("harden deploy/bad -n NAMESPACE --canary=false --force --timeout=1s", "bad"),
    "harden --canary": Command("harden deploy/web -n NAMESPACE --canary --settle=0s --timeout=20s", "web"),
    "harden --undo": Command("harden --undo FILE --yes", "old"),
    "label-ns --dry-run": Command("label-ns NAMESPACE --enforce=baseline --dry-run=server"),
    "label-ns": Command("label-ns NAMESPACE --enforce=baseline"),
    "label-ns -l": Command("label-ns -l faults=NAMESPACE --enforce=baseline"),
    "fit": Command("fit deploy/web -n NAMESPACE --yes --timeout=20s --settle=0s", "web"),
    "policy": Command("policy -n NAMESPACE"),
    "policy --check": Command("policy -n NAMESPACE --check"),
    "policy --apply --dry-run": Command("policy -n NAMESPACE --apply --dry-run=server"),
    "policy --apply": Command("policy -n NAMESPACE --apply"),
    "version": Command("version"),
    "completion": Command("__complete inspect -n NAMESPACE deploy/", "web"),
    "completion of two types": Command("__complete inspect -n NAMESPACE deploy,jobs o", "one"),
    "completion of containers": Command("__complete harden -n NAMESPACE deploy/one deploy/web -c c", "one"),
}
ASKS_NOTHING: tuple[str, ...] = ("version --client", "explain NET_ADMIN", "completion bash", "help", "options")
"""Commands that send no request, so that no fault can meet them."""

SETTINGS: tuple[tuple[str, str, float], ...] = (
    ("kubectl_caps.commands.completion.objects", "LIMIT", 20.0),
    ("kubectl_caps.commands.shared.late_patch", "LATE", 1.0),
    ("kubectl_caps.commands.trials.run", "_GONE_WITHIN", 3.0),
    ("kubectl_caps.commands.trials.run", "_SILENT_LIMIT", 2.0),
    ("kubectl_caps.commands.trials.trial", "_LOOKS_WELL", 0.0),
    ("kubectl_caps.commands.trials.trial", "_LOG_LIMIT", 1.0),
)
"""Waits that are shorter here than for a user; that of completion is longer, as ten run side by side."""
