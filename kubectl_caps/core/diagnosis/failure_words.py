"""Patterns for lines that report a failure without an error of the kernel.

They know English words and the levels of loggers. Sources: nginx, supervisord, gunicorn, Go's os/exec, Python's
subprocess, Node.js' cluster, klog, pino, slog, and the programs of tests/cluster/refused.
"""

import re

_ENDED = r"(?:died|is\ dead|crashed|terminated|vanished|quit|exited|(?:(?:is|are|was)\ )?gone|went\ (?:out|away|down))"
_AGAIN = r"(?:re-?(?:start|spawn|launch|fork)\w{0,4}|again|another|a\ new\ one|next\ one)"

CHILD_ENDED = re.compile(
    rf"""(?ix)
      worker \s process \s \d+ \s (?: exited \s (?: with \s code \s [1-9] | on \s signal ) )         # nginx
    | gave \s up: .* entered \s FATAL \s state                                                       # supervisord
    | \b exit \s (?: status | code )s? [\s:=]* [("\[]? [1-9]\d{{0,2}} \b       # Go, Python, shells
    | \b exited \b .{{0,20}}? \b (?: code | status | signal ) [\s:=\[(]* -?[1-9]
    | \b (?: child | worker | subprocess ) \b .{{0,80}}? \b (?:
          died | crashed | failed \s to \s boot | terminated \s (?: by | with | unexpectedly ) | killed \s by \s signal
        | (?: exited | ended | failed | returned ) \b .{{0,40}}? \b (?: code | status | signal ) [ :=\[(]* -?[1-9] )
    | \b {_ENDED} \b (?! .{{0,20}} \b (?: code | status ) [ :=(]* 0 ) .{{0,60}}? \b {_AGAIN} \b
    """
)
"""A child process ended with a failure while its parent lives on. Lines of nginx, supervisord and many others."""

FAILED = re.compile(
    r"""(?ix)
      \b (?: cannot | can't | can \s not | could \s not | couldn't | unable \s to | not \s able \s to | refus(?:ed|es)
           | fail(?:s|ed|ure|ing)? | not \s (?: permitted | allowed | privileged | possible ) | insufficient
           | must \s be \s root | (?: requires? | needs? | without | not ) \s (?: run(?:ning)? \s as \s )? root ) \b
    """
)
"""A line that says that an operation failed, with or without a reason."""

OTHER_REASON = re.compile(
    r"""(?ix)
      no \s such \s \w | not \s found | (?: already | address ) \s in \s use | exists
    | connection \s (?: refused | reset | closed | timed ) | time[d-]? \s? out | deadline \s exceeded | unreachable
    | no \s route | try \s again | broken \s pipe | not \s a \s directory | is \s a \s directory | no \s space \s left
    | invalid \s argument | not \s supported | unsupported | unknown \s host | name \s resolution | \b EOF \b | canceled
    """
)
"""The texts of errors that are no refusal. They explain the failure of a line."""

NOTED = re.compile(
    r"""(?ix)
      (?<! [\w/-] )
      (?: warn(?:ing)? | error | err | fatal | crit(?:ical)? | alert | emerg(?:ency)? | panic | severe | exception
        | traceback )
      (?! [\w-] | [\s:="']* (?: 0 | none | null | nil | <nil> | no | false | "" ) (?! \w ) )
    | "level": \s* [4-6]0 \b                                                                         # pino, bunyan
    | ^ [WEF] \d{4} \s                                                                               # klog
    """
)
"""A line at the level of a warning or above."""

NAMES = re.compile(r"\b(?:CAP_[A-Z]|NET_(?:ADMIN|RAW|BIND_SERVICE)\b)|no new privileges")
"""The name of a capability, or of the flag no_new_privs, which a hardening sets."""

_MARKS = (
    "fail", "cannot", "can't", "can not", "could", "unable", "able to", "refus", "insufficient", "root",
    "not permitted", "not allowed", "not privileged", "not possible", "warn", "err", "fatal", "crit", "alert", "emerg",
    "panic", "severe", "exception", "traceback", "exit", "died", "dead", "crash", "terminated", "vanished", "quit",
    "gone", "went ", "killed", "returned", "cap_", "net_", "privileges", '"level"',
)  # fmt: skip
_KLOG = re.compile(r"[WEF]\d{4} ")


def may_tell(text: str) -> bool:
    """Whether any pattern of this module can match. This skips most lines of a log quickly."""
    lowered = text.lower()
    return any(mark in lowered for mark in _MARKS) or _KLOG.match(text) is not None
