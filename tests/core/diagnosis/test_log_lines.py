"""Lines of a log become texts in which a reason can be found."""

import json

import pytest

from kubectl_caps.core.diagnosis.diagnose import diagnose
from kubectl_caps.core.diagnosis.line_cause import Evidence

PYTHON = """\
2026-11-28 18:18:44,312 ERROR app cannot prepare data folder
Traceback (most recent call last):
  File "/app/main.py", line 45, in prepare
    os.chown("/data", 33, 33)
    ^^^^^^^^^^^^^^^^^^^^^^^^^
PermissionError: [Errno 1] Operation not permitted: '/data'
started all the same"""
JAVA = """\
Exception in thread "main" java.nio.file.FileSystemException: /data: Operation not permitted
\tat java.base/sun.nio.fs.UnixException.translateToIOException(UnixException.java:100)
\tat java.base/sun.nio.fs.UnixFileAttributeViews$Posix.setOwners(UnixFileAttributeViews.java:291)
\tat Main.main(Main.java:3)"""
NODE = """\
node:internal/bootstrap/switches/does_own_process_state:88
      const result = method(id);
                     ^

Error: EPERM, Operation not permitted
    at process.setgid (node:internal/bootstrap/switches/does_own_process_state:88:22)
    at Object.<anonymous> (/app/main.js:1:9) {
  errno: -1,
  code: 'EPERM',
  syscall: 'setgid'
}"""
SERVER = """\
Traceback (most recent call last):
  File "/app/main.py", line 9, in <module>
    HTTPServer(("", port), Handler)
  File "/usr/lib/python3.11/socketserver.py", line 456, in __init__
    self.server_bind()
  File "/usr/lib/python3.11/socketserver.py", line 472, in server_bind
    self.socket.bind(self.server_address)
PermissionError: [Errno 13] Permission denied"""
UNIX = """\
Traceback (most recent call last):
  File "/app/main.py", line 9, in <module>
    s.bind(address)
PermissionError: [Errno 13] Permission denied"""
CHILD = """\
Traceback (most recent call last):
  File "/app/main.py", line 3, in <module>
    subprocess.run(["worker"], user="www-data", group="www-data")
  File "/usr/lib/python3.11/subprocess.py", line 1950, in _execute_child
    raise child_exception_type(errno_num, err_msg, err_filename)
PermissionError: [Errno 1] Operation not permitted"""


def causes(text: str) -> list[tuple[tuple[str, ...], str, str]]:
    found = diagnose([Evidence("log", line) for line in text.splitlines()], uid=0)
    return [(cause.capabilities, cause.certainty, cause.evidence_text) for cause in found]


@pytest.mark.parametrize(
    ("text", "capabilities", "certainty"),
    [
        (PYTHON, ("CHOWN",), "likely"),
        (JAVA, ("CHOWN",), "likely"),
        (NODE, ("SETGID",), "likely"),
        (SERVER, ("NET_BIND_SERVICE",), "likely"),
        (UNIX, ("NET_BIND_SERVICE",), "possible"),
        (CHILD, ("SETGID", "SETUID"), "likely"),
    ],
)
def test_the_stack_trace_names_the_refused_call_and_the_exception_is_the_evidence(
    text: str, capabilities: tuple[str, ...], certainty: str
) -> None:
    found = causes(text)
    assert [one[:2] for one in found] == [(capabilities, certainty)]
    assert "ermitted" in found[0][2] or "denied" in found[0][2]


def test_a_stack_trace_belongs_to_its_own_exception_only() -> None:
    text = f"{PYTHON}\nsomething: Operation not permitted"
    assert [found[:2] for found in causes(text)] == [(("CHOWN",), "likely"), ((), "possible")]


@pytest.mark.parametrize("text", [PYTHON, JAVA, NODE, SERVER, CHILD])
def test_a_stack_trace_in_a_field_of_a_structured_line_is_read(text: str) -> None:
    line = json.dumps({"level": "error", "message": "failed", "exception": {"stack": text}})
    ((capabilities, certainty, evidence), *_) = causes(line)
    assert (capabilities, certainty) == causes(text)[0][:2]
    assert evidence == line


def test_fields_of_a_structured_line_are_read_together_with_the_text_before_them() -> None:
    assert causes('{"msg": "bind failed", "port": 80, "errno": 13}')[0][0] == ("NET_BIND_SERVICE",)
    assert causes('ERROR cannot set group id {"error": "operation not permitted"}')[0][0] == ("SETGID",)


@pytest.mark.parametrize("line", ['{"a":' * 5000 + "1" + "}" * 5000, '{"a": }', "{}", '{"a": "\\ud800"}', "{'a': 1}"])
def test_a_line_that_only_looks_structured_is_read_as_text(line: str) -> None:
    assert causes(line) == []
    assert causes(f"chown: /data: Operation not permitted {line}")[0][0] == ("CHOWN",)
