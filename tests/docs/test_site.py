"""The site of the documentation: it builds without a warning, and a real browser reads it without the internet."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

# Every page in turn, in a frame as wide as the screen: a window of headless Chromium has at least 500 pixels.
FRAMES = """\
<!DOCTYPE html><iframe style="width:WIDTHpx;height:900px;border:0"></iframe><script>
  const frame = document.querySelector('iframe'), seen = {};
  const look = page => {
    const doc = frame.contentDocument, root = doc.documentElement, loaded = frame.contentWindow.performance;
    seen[page] = {
      width: root.clientWidth, needed: Math.max(root.scrollWidth, doc.body.scrollWidth), title: doc.title,
      styled: getComputedStyle(doc.querySelector('.md-header')).position,
      loaded: loaded.getEntriesByType('resource').map(entry => entry.name),
      broken: [...doc.images].filter(image => !image.naturalWidth).map(image => image.src)};
  };
  (async () => {
    for (const page of PAGES) {
      await new Promise(done => { frame.onload = done; frame.src = page; });
      look(page);
    }
    await fetch('/seen', {method: 'POST', body: JSON.stringify(seen)});
  })();
</script>
"""
CHROMIUM = [
    "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, re.findall("WARNING.*", done.stderr)) == (0, []), done.stderr
    return folder


class Server(ThreadingHTTPServer):
    """Serves the site on loopback. `missing`: the paths that it could not serve; `seen`: what the browser sent back."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.missing: list[str] = []
        self.seen: Queue[dict[str, Any]] = Queue()


class Handler(SimpleHTTPRequestHandler):
    """One request to a `Server`."""

    server: Server

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def send_error(self, *args: Any, **names: Any) -> None:
        """A file that is missing."""
        self.server.missing.append(self.path)
        super().send_error(*args, **names)

    def do_POST(self) -> None:
        """What the browser has seen."""
        self.server.seen.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()


@pytest.fixture
def server(site: Path) -> Iterator[Server]:
    """The site on loopback."""
    with Server(site) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def look(server: Server, width: int, profile: Path) -> dict[str, Any]:
    """What a browser of this width sees of every page, by page."""
    command = [*CHROMIUM, f"--window-size={width + 100},1000", f"--user-data-dir={profile}"]
    address = f"http://127.0.0.1:{server.server_port}/frames.html"
    with subprocess.Popen([*command, address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as browser:
        try:
            return server.seen.get(timeout=120)
        finally:
            browser.terminate()


def pages(site: Path) -> list[str]:
    """The addresses of all pages, as the site names them."""
    return sorted(str(path.relative_to(site)) for path in site.rglob("*.html") if path.name != "frames.html")


def test_the_site_has_every_page(site: Path) -> None:
    wanted = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    assert {Path(page) for page in pages(site)} == wanted | {Path("index.html"), Path("404.html")}


def test_no_page_names_a_file_from_elsewhere(site: Path) -> None:
    """Links may lead out; scripts, styles, pictures and fonts may not."""
    for page in pages(site):
        text = (site / page).read_text()
        loaded = re.findall(r'<(?:script|img|iframe|source)[^>]*\bsrc="([^"]*)"', text)
        loaded += re.findall(r'<link[^>]*rel="(?:stylesheet|icon|preconnect|preload)"[^>]*>', text)
        assert [item for item in loaded if "//" in item] == [], page
        assert "api.github.com" not in text


@pytest.mark.reports
@pytest.mark.parametrize("width", [390, 1280])
def test_chromium_reads_every_page_within_the_width_and_without_the_internet(
    width: int, site: Path, server: Server, tmp_path: Path
) -> None:
    wanted = pages(site)
    (site / "frames.html").write_text(FRAMES.replace("WIDTH", str(width)).replace("PAGES", json.dumps(wanted)))
    seen = look(server, width, tmp_path / "profile")
    assert list(seen) == wanted
    assert {page: row["needed"] for page, row in seen.items() if row["needed"] != row["width"]} == {}
    assert {row["width"] for row in seen.values()} == {width}
    own = f"http://127.0.0.1:{server.server_port}/"
    assert {name for row in seen.values() for name in row["loaded"] if not name.startswith(own)} == set()
    assert {name for row in seen.values() for name in row["broken"]} == set()
    assert {row["styled"] for row in seen.values()} == {"sticky"}, "the style sheet is there"
    assert [path for path in server.missing if path != "/favicon.ico"] == []
