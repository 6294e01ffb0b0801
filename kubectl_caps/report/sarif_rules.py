"""The rules of a SARIF log: one for each Pod Security check, each warning and each risk that is reported.

The help text of each rule is the manual that `explain` prints and docs/ contains.
"""

from collections.abc import Iterator
from typing import Any

from kubectl_caps.core.assess.findings import REPORTED
from kubectl_caps.core.podsecurity.checks.check import Check
from kubectl_caps.core.podsecurity.registry import CHECKS
from kubectl_caps.core.warnings import registry
from kubectl_caps.core.warnings.rule import Rule
from kubectl_caps.report import manual, warning_manual
from kubectl_caps.report.manual import docs

_SECURITY = {"critical": "9.5", "unknown": "8.5", "high": "8.0", "medium": "5.5"}
_OF_LEVEL = {"baseline": ("error", "7.5"), "restricted": ("warning", "4.5")}
_SHORT = 1024
"""The longest description that GitHub accepts, in characters."""


def sarif_rules() -> list[dict[str, Any]]:
    """Every rule as a reportingDescriptor, with or without results."""
    return [*map(_check, CHECKS), *map(_warning, registry.RULES), *_risks()]


def _check(check: Check) -> dict[str, Any]:
    title, *_ = manual.check_page(check)
    level, severity = _OF_LEVEL[check.level]
    return _rule(
        f"pod-security-{check.id}",
        title.partition(": ")[2],
        "\n".join(manual.check_page(check)),
        "".join(f"{line}\n" for line in manual.check_section(check)),
        docs("checks.md", check.id),
        level,
        {"tags": ["security", "kubernetes", f"pod-security-{check.level}"], "security-severity": severity},
    )


def _warning(rule: Rule) -> dict[str, Any]:
    return _rule(
        f"warning-{rule.id}",
        rule.title,
        "\n".join(warning_manual.warning_page(rule)),
        "\n".join(warning_manual.warning_section(rule)),
        docs("warnings.md", rule.id),
        "warning",
        {"tags": ["kubernetes", "capabilities"]},
    )


def _risks() -> Iterator[dict[str, Any]]:
    for risk in REPORTED:
        text = (
            f"Code in the container can come to hold capabilities, or shares a part of its node, whose risk is "
            f"{risk}. Drop ALL, add back what the program needs, and set allowPrivilegeEscalation to false: "
            "`kubectl caps harden` does this. `kubectl caps explain CAPABILITY` describes a capability."
        )
        level = "error" if risk in ("critical", "high") else "warning"
        properties = {"tags": ["security", "kubernetes", "capabilities"], "security-severity": _SECURITY[risk]}
        title = f"A container whose risk is {risk}."
        yield _rule(f"risk-{risk}", title, text, text, docs("inspect.md", "how-the-risk-is-judged"), level, properties)


def _rule(
    id_: str, title: str, text: str, markdown: str, uri: str, level: str, properties: dict[str, Any]
) -> dict[str, Any]:
    title = title if title.endswith(".") else f"{title}."
    return {
        "id": id_,
        "name": _pascal(id_),
        "shortDescription": {"text": title[:_SHORT]},
        "fullDescription": {"text": title[:_SHORT]},
        "help": {"text": text, "markdown": markdown},
        "helpUri": uri,
        "defaultConfiguration": {"level": level},
        "properties": properties,
    }


def _pascal(id_: str) -> str:
    """`warning-add-all` as `WarningAddAll`."""
    words = id_.replace("_", "-").split("-")
    return "".join(word[:1].upper() + word[1:] for word in words)
