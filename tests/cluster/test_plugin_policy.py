"""Which credential plugin runs, with kubectl and the same kubeconfig, kuberc and PATH as the oracle."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from loopback import Loopback, kubectl, reply, serving

from kubectl_caps.cluster.config.kubeconfig import Overrides, load_connection
from kubectl_caps.cluster.http.transport import Request, connect
from kubectl_caps.errors import ConfigError

V1 = "client.authentication.k8s.io/v1"
SYSTEM = "/usr/bin:/bin"
PREFERENCE = "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n"
OLD = "apiVersion: kubectl.config.k8s.io/v1alpha1\nkind: Preference\noverrides: []\naliases: []\n"
DENY = f"{PREFERENCE}credentialPluginPolicy: DenyAll\n"
LIST = f"{PREFERENCE}credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist:"


@dataclass
class Home:
    """A folder with programs called `plug` in `bin` and in `work`, and whatever kuberc a test writes."""

    folder: Path
    server: Loopback

    def __post_init__(self) -> None:
        answer = f'{{"apiVersion":"{V1}","kind":"ExecCredential","status":{{"token":"x"}}}}'
        for name in ("bin", "work"):
            (self.folder / name).mkdir()
            program = self.folder / name / "plug"
            program.write_text(f"#!/bin/sh\necho $0 >> {self.folder}/ran\necho '{answer}'\n")
            program.chmod(0o755)
        (self.folder / "bin" / "text").write_text("no program")

    def both(self, command: str, path: str = "", env_path: str = "", **more: str) -> tuple[list[str], list[str]]:
        """What kubectl and what we came to: the programs that ran, or the one line of the error."""
        variables = [{"name": "PATH", "value": env_path}] if env_path else []
        plugin = {"apiVersion": V1, "command": command, "interactiveMode": "Never", "env": variables}
        config = self.server.kubeconfig(self.folder, {"exec": plugin})
        environment = {"PATH": path.format(self.folder) or SYSTEM, "HOME": str(self.folder), **more}
        theirs, mine = self._theirs(config, environment), self._mine(config, environment)
        return theirs, mine

    def _theirs(self, config: str, environment: dict[str, str]) -> list[str]:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder / "work")
            done = kubectl("get", "--raw", "/version", "--kubeconfig", config, **environment)
        return self._ran() if done.returncode == 0 else done.stderr.strip().splitlines()[:1]

    def _mine(self, config: str, environment: dict[str, str]) -> list[str]:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder / "work")
            for name in ("KUBERC", "KUBECTL_KUBERC"):
                patch.delenv(name, raising=False)
            for name, value in environment.items():
                patch.setenv(name, value)
            try:
                connect(load_connection(Overrides(kubeconfig=config))).send(Request("GET", "/version"))
            except ConfigError as error:
                assert not self._ran()
                return [error.words]
        return self._ran()

    def _ran(self) -> list[str]:
        file = self.folder / "ran"
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return lines


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home folder, and a server that answers /version."""
    with serving({"/version": reply({})}, tls=True) as server:
        yield Home(tmp_path, server)


LOOKUPS: dict[str, tuple[str, str, str]] = {
    "on PATH": ("plug", "/usr/bin:{0}/bin", ""),
    "nowhere": ("plug", SYSTEM, ""),
    "only on the PATH of the kubeconfig": ("plug", SYSTEM, "{0}/bin:/usr/bin:/bin"),
    "on both, the kubeconfig's PATH first": ("plug", "{0}/bin:/usr/bin", "{0}/work:/usr/bin:/bin"),
    "in the working folder, PATH has a dot": ("plug", ".:{0}/bin:/usr/bin", ""),
    "in the working folder, PATH has an empty entry": ("plug", ":{0}/bin:/usr/bin", ""),
    "below a relative entry of PATH": ("plug", "../bin:/usr/bin", ""),
    "in the working folder, not on PATH": ("plug", "/usr/bin", ""),
    "a dot": (".", "{0}/bin", ""),
    "two dots": ("..", "{0}/bin", ""),
    "no program": ("text", "{0}/bin:/usr/bin", ""),
    "a path relative to the kubeconfig": ("bin/plug", SYSTEM, ""),
    "the kubeconfig's folder, not the working folder": ("./plug", SYSTEM, ""),
    "a path with dots": ("./work/../bin/plug", SYSTEM, ""),
    "a path to nothing": ("bin/nothing", SYSTEM, ""),
    "a path to no program": ("bin/text", SYSTEM, ""),
    "a path to a folder": ("./bin", SYSTEM, ""),
}


@pytest.mark.parametrize("case", LOOKUPS)
def test_the_program_that_runs_is_the_one_that_kubectl_runs(home: Home, case: str) -> None:
    command, path, env_path = LOOKUPS[case]
    theirs, mine = home.both(command, path, env_path.format(home.folder))
    (theirs_line,) = theirs
    assert mine[0].startswith(theirs_line.removeprefix("Unable to connect to the server: "))
    assert str(home.folder / "work") not in mine[0]


@pytest.mark.parametrize("path", [".:/usr/bin", ":/usr/bin"])
def test_a_program_of_the_working_folder_is_refused_with_the_words_of_go(home: Home, path: str) -> None:
    _, mine = home.both("plug", path)
    words = "exec: executable plug not found: cannot run executable found relative to current directory"
    assert mine == [f"getting credentials: {words}"]


POLICIES: dict[str, tuple[str, bool]] = {
    "empty file": ("", True),
    "no policy": (PREFERENCE, True),
    "AllowAll": (f"{PREFERENCE}credentialPluginPolicy: AllowAll\n", True),
    "DenyAll": (DENY, False),
    "DenyAll behind an empty document": (f"---\n---\n{DENY}", False),
    "DenyAll behind a document of another kind": (f"apiVersion: v1\nkind: Config\n---\n{DENY}", False),
    "DenyAll behind a broken document": (f"a: [\n---\n{DENY}", False),
    "DenyAll behind a Preference of the old version": (f"{OLD}---\n{DENY}", True),
    "DenyAll and a field that nobody knows": (f"{DENY}more: 1\n", False),
    "an unknown policy": (f"{PREFERENCE}credentialPluginPolicy: denyall\n", False),
    "a policy that is no text": (f"{PREFERENCE}credentialPluginPolicy: 3\n", False),
    "a version that nobody knows": (DENY.replace("v1beta1", "v9"), False),
    "a list without a policy": (f"{PREFERENCE}credentialPluginAllowlist: [{{command: plug}}]\n", False),
    "a list beside DenyAll": (f"{DENY}credentialPluginAllowlist: [{{command: plug}}]\n", False),
    "no list": (f"{PREFERENCE}credentialPluginPolicy: Allowlist\n", False),
    "null as the list": (f"{LIST} null\n", False),
    "an empty list": (f"{LIST} []\n", False),
    "an empty entry": (f"{LIST} [{{command: plug}}, {{}}]\n", False),
    "a path with dots": (f"{LIST} [{{command: /tmp/../bin/plug}}]\n", False),
    "the name, by command": (f"{LIST} [{{command: plug}}]\n", True),
    "the name, by name": (f"{LIST} [{{name: plug}}]\n", True),
    "both the same": (f"{LIST} [{{name: plug, command: plug}}]\n", True),
    "both, not the same": (f"{LIST} [{{name: plug, command: other}}]\n", False),
    "the path": (f"{LIST} [{{command: HERE/bin/plug}}]\n", True),
    "another path of the same name": (f"{LIST} [{{command: HERE/work/plug}}]\n", False),
    "another name": (f"{LIST} [{{command: other}}, {{command: plug2}}]\n", False),
}


@pytest.mark.parametrize("case", POLICIES)
@pytest.mark.parametrize("command", ["plug", "bin/plug"])
def test_a_plugin_runs_if_kubectls_policy_allows_and_is_refused_in_kubectls_words(
    home: Home, case: str, command: str
) -> None:
    text, runs = POLICIES[case]
    (home.folder / "kuberc").write_text(text.replace("HERE", str(home.folder)))
    theirs, mine = home.both(command, "{0}/bin:/usr/bin:/bin", KUBERC=str(home.folder / "kuberc"))
    if runs:
        assert mine == theirs == [str(home.folder / "bin" / "plug")]
        return
    (line,) = theirs
    for prefix in ("Unable to connect to the server: ", "error occurred while applying preferences "):
        line = line.removeprefix(prefix)
    line = line.removeprefix("kuberc error kuberc: ")
    if line.startswith("kuberc: ignoring"):  # kubectl puts the error on the same line
        line = f"not allowed{line.partition('not allowed')[2]}"
    assert line.partition(" in /")[0] in mine[0]


@pytest.mark.parametrize(
    ("command", "path"),
    [("plug", SYSTEM), ("plug", ".:/usr/bin"), ("bin/none", SYSTEM), ("bin/text", SYSTEM), ("text", "{0}/bin")],
)
@pytest.mark.parametrize("listed", ["other", "plug", "none", "text", "HERE/bin/none"])
def test_a_missing_plugin_gives_kubectls_error(
    home: Home, command: str, path: str, listed: str
) -> None:
    (home.folder / "kuberc").write_text(f"{LIST} [{{command: {listed}}}]\n".replace("HERE", str(home.folder)))
    theirs, mine = home.both(command, path, KUBERC=str(home.folder / "kuberc"))
    assert mine[0].startswith(theirs[0].removeprefix("Unable to connect to the server: "))


def test_an_entry_is_looked_up_on_path_as_the_plugin_is(home: Home) -> None:
    (home.folder / "kuberc").write_text(f"{LIST} [{{command: plug}}]\n")
    kuberc = str(home.folder / "kuberc")
    same = home.both("bin/plug", "{0}/bin:/usr/bin:/bin", KUBERC=kuberc)
    other = home.both("bin/plug", "{0}/work:/usr/bin:/bin", KUBERC=kuberc)
    assert same[0] == same[1] == [str(home.folder / "bin" / "plug")]
    assert other[1] == [other[0][0].removeprefix("Unable to connect to the server: ")]
    assert "is not permitted by the credential plugin allowlist" in other[1][0]


PLACES: dict[str, tuple[bool, dict[str, str], bool]] = {
    "the one at home": (True, {}, False),
    "none at home": (False, {}, True),
    "switched off": (True, {"KUBERC": "off"}, True),
    "the feature is off": (True, {"KUBECTL_KUBERC": "FALSE"}, True),
    "the feature is on": (True, {"KUBECTL_KUBERC": "true"}, False),
    "the named one is missing": (False, {"KUBERC": "/nonexistent/kuberc"}, False),
    "the named one wins": (True, {"KUBERC": os.devnull}, True),
}


@pytest.mark.parametrize("case", PLACES)
def test_kuberc_is_found_where_kubectl_finds_it(home: Home, case: str) -> None:
    at_home, environment, runs = PLACES[case]
    if at_home:
        (home.folder / ".kube").mkdir()
        (home.folder / ".kube" / "kuberc").write_text(DENY)
    theirs, mine = home.both("plug", "{0}/bin:/usr/bin:/bin", **environment)
    assert (mine == theirs == [str(home.folder / "bin" / "plug")]) == runs
    if not runs:
        assert mine[0].partition(": ")[2] in theirs[0]


@pytest.mark.parametrize("text", ["a: [", "kind: Preference\n"])
def test_a_kuberc_at_home_that_cannot_be_read_stops_the_plugin(home: Home, text: str) -> None:
    """kubectl warns and runs the plugin: here a policy that nobody knows is no leave."""
    (home.folder / ".kube").mkdir()
    file = home.folder / ".kube" / "kuberc"
    file.write_text(text)
    theirs, mine = home.both("plug", "{0}/bin:/usr/bin:/bin")
    assert theirs == [str(home.folder / "bin" / "plug")]
    advice = "fix the file, or ignore it with KUBERC=off"
    assert mine == [f"kuberc {file}: no valid preferences found; {advice}"]


def test_an_unreadable_kuberc_matters_only_if_a_plugin_is_needed(home: Home) -> None:
    config = home.server.kubeconfig(home.folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBERC", "/nonexistent/kuberc")
        assert connect(load_connection(Overrides(kubeconfig=config))).send(Request("GET", "/version")).status == 200
