"""The HTML report: hostile text stays text, nothing is loaded or run, and headless Chromium reads it at two widths."""

import html
import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from kubectl_caps.main import main

EXAMPLES = Path(__file__).parents[2] / "examples"
HOSTILE = """\
apiVersion: v1
kind: Pod
metadata:
  name: "<script>alert(1)</script>"
  namespace: "a\\" onmouseover=\\"alert(1)"
  annotations: {kubectl-caps/exempt: "NET_RAW; <b>\\u202Eevil\\a</b>; never"}
spec:
  containers:
  - {name: "&lt;'\\u2028", image: "LONG<img src=x onerror=alert(1)>"}
"""
ALLOWED = {"html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "h4", "p", "ul", "li", "b",
           "span", "main", "div", "table", "thead", "tbody", "tr", "th", "td", "caption", "a", "small", "article",
           "code", "br", "wbr", "footer"}  # fmt: skip
EMPTY = {"meta", "br", "wbr"}


class Page(HTMLParser):
    """The page's elements with their attributes, and its text; whether they nest is checked on the way."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """An element ends: the last one that began."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text."""
        if "style" not in self.open:
            self.text += data


def report(capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    """The page of an inspection."""
    main(["inspect", "-o", "html", *flags])
    return capsys.readouterr().out


@pytest.fixture
def hostile(tmp_path: Path) -> str:
    """A manifest whose every text is an attack."""
    path = tmp_path / "hostile.yaml"
    path.write_text(HOSTILE.replace("LONG", "x" * 300))
    return str(path)


def test_hostile_names_stay_text(capsys: pytest.CaptureFixture[str], hostile: str) -> None:
    text = report(capsys, "-f", hostile)
    page = Page(text)
    assert {name for name, _ in page.elements} <= ALLOWED
    for shown in ("<script>alert(1)</script>", 'a" onmouseover="alert(1)', "<b>\\u202eevil\\x07</b>", "&lt;'\\u2028"):
        assert shown in page.text
    assert not re.search("[\u202e\u2028\a]", text)


def test_the_page_runs_loads_and_sends_nothing(capsys: pytest.CaptureFixture[str], hostile: str) -> None:
    page = Page(report(capsys, "-f", hostile, "-f", str(EXAMPLES)))
    for name, attributes in page.elements:
        assert not {"src", "style", "action"} & set(attributes)
        assert not any(key.startswith("on") for key in attributes)
        address = attributes.get("href") or ""
        assert name != "a" or address.startswith(("#w", "https://github.com/kubectl-caps/")), address
    (policy,) = [item["content"] for name, item in page.elements if item.get("http-equiv")]
    assert policy
    assert policy.startswith("default-src 'none'; style-src 'sha256-")


def test_the_worst_is_first_and_tables_have_headers(capsys: pytest.CaptureFixture[str]) -> None:
    text = report(capsys, "-f", str(EXAMPLES))
    risks = re.findall(r'class="badge \w+">risk (\w+)<', text)
    assert risks == ["critical", "critical", "high", "high", "high", "medium", "low", "none"]
    page = Page(text)
    assert all(item.get("scope") in ("row", "col") for name, item in page.elements if name == "th")
    ids = [item["id"] for _, item in page.elements if "id" in item]
    assert len(set(ids)) == len(ids)
    assert {item["href"] for _, item in page.elements if (item.get("href") or "").startswith("#")} <= {
        f"#{name}" for name in ids
    }


def test_exempted_and_expired_findings_are_marked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "exemptions.yaml"
    path.write_text(
        "apiVersion: kubectl-caps/v1alpha1\nkind: Exemptions\nexemptions:\n"
        "- {name: router, capabilities: [NET_ADMIN], checks: [hostNamespaces], reason: it routes, until: never}\n"
        "- {name: web, capabilities: [NET_RAW], reason: it was once, until: 2020-01-01}\n"
    )
    text = report(capsys, "-f", str(EXAMPLES), "-f", "nowhere.yaml", "--exemptions", str(path))
    words = Page(text).text
    for part in ("it routes", "it was once", "expired, counts again", "Not judged", "nowhere.yaml"):
        assert part in words
    assert 'hostNamespaces</a> <span class="badge stamp">exempted</span>' in text
    assert "high without exempted findings" in words, "the router still holds NET_RAW"


def test_an_empty_page_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")
    assert "No workloads were found." in Page(report(capsys, "-f", str(path))).text


# The frame is as wide as the screen would be: a window of headless Chromium is at least 500 pixels wide.
FRAME = """\
<!DOCTYPE html><iframe src="report.html" style="width:WIDTHpx;height:900px;border:0" onload="
  const page = this.contentDocument, root = page.documentElement;
  const cells = row => [...row.cells].filter(cell => cell.offsetWidth).map(cell => cell.innerText.trim());
  document.title = JSON.stringify({
    width: root.clientWidth, needed: root.scrollWidth, background: getComputedStyle(page.body).backgroundColor,
    wide: [...page.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > root.clientWidth + 1)
      .map(e => e.tagName + ' ' + e.className),
    rows: [...page.querySelectorAll('.overview tr')].map(cells)});
"></iframe>
"""
CHROMIUM = [
    "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--allow-file-access-from-files",
    "--hide-scrollbars", "--virtual-time-budget=5000", "--dump-dom",
]  # fmt: skip


@pytest.mark.reports
@pytest.mark.parametrize(("width", "columns"), [(390, 3), (1280, 7)])
def test_chromium_reads_the_table_and_needs_no_more_than_the_width(
    width: int, columns: int, capsys: pytest.CaptureFixture[str], hostile: str, tmp_path: Path
) -> None:
    (tmp_path / "report.html").write_text(report(capsys, "-f", hostile, "-f", str(EXAMPLES)))
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.replace("WIDTH", str(width)))
    command = [*CHROMIUM, f"--window-size={width + 100},1000", f"--user-data-dir={tmp_path / 'profile'}"]
    done = subprocess.run([*command, frame.as_uri()], capture_output=True, text=True, check=True, timeout=60)
    found = re.search("<title>(.*?)</title>", done.stdout, re.DOTALL)
    assert found, done.stdout
    seen: Any = json.loads(html.unescape(found[1]))
    assert (seen["width"], seen["needed"], seen["wide"]) == (width, width, [])
    assert {len(row) for row in seen["rows"]} == {columns}
    assert seen["rows"][0][:3] == ["Workload", "Risk", "Pod Security"]
    assert ["pod/node-debug", "critical", "privileged"] in [row[:3] for row in seen["rows"]]
    assert len(seen["rows"]) == 10
    assert seen["background"] == "rgb(245, 246, 248)", "the style sheet is not forbidden by the page's own policy"
