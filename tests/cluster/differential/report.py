"""What a run found, in lines to read."""

from collections.abc import Iterator

from differential.run import Result
from differential.verdicts import Verdict, coverage
from differential.wreckers import small, wholesale
from kubectl_caps.core.podsecurity.registry import CHECKS

_FEW = 5


def lines(result: Result) -> Iterator[str]:
    """Everything: figures, coverage, what the API's validation refused, and the disagreements last."""
    yield from _figures(result)
    yield from _covered(result)
    yield from _refused(result)
    yield from _broken(result)
    wrong = [verdict for verdict in result.verdicts if not verdict.agrees]
    for verdict in wrong[:_FEW]:
        yield from _disagreement(verdict)
    yield from (f"Strange answer: {text}" for text in result.strange[:_FEW])
    yield f"{len(wrong)} disagreements, {len(result.strange)} strange answers in {len(result.verdicts)} verdicts"


def _figures(result: Result) -> Iterator[str]:
    for kind in ("pod", "ephemeral containers", "template"):
        parts = ", ".join(f"{result.asked[f'{kind}: {what}']} {what}" for what in ("allowed", "forbidden", "invalid"))
        yield f"{kind}: {result.asked[kind]} asked, {parts}"
    for kind in ("pod", "ephemeral containers", "warning", "template"):
        of_kind = [verdict for verdict in result.verdicts if verdict.kind == kind]
        policies = {str(verdict.policy) for verdict in of_kind}
        refusing = sum(1 for verdict in of_kind if verdict.said)
        yield f"{kind}: {len(of_kind)} verdicts on {len(policies)} policies, {refusing} of them refusals"
    yield f"{sum(verdict.was_cut for verdict in result.verdicts)} warnings were cut by the server"


def _covered(result: Result) -> Iterator[str]:
    found = coverage(result.verdicts)
    for check in CHECKS:
        yield check.id
        for since in check.revisions:
            key = check.id, since.minor
            yield f"  v1.{since.minor}: ran {found.ran[key]}, refused {found.refused[key]}"
        for (name, text), count in sorted(found.shapes.items()):
            if name == check.id:
                yield f"  {count:6} {text}"


def _refused(result: Result) -> Iterator[str]:
    if result.invalid:
        yield "Refused by the API's validation, before Pod Security was asked:"
    for reason, count in result.invalid.most_common():
        yield f"  {count:6} {reason}"


def _broken(result: Result) -> Iterator[str]:
    for name, wrecks in (("wholesale", wholesale(result.verdicts)), ("in a small way", small(result.verdicts))):
        total = len(wrecks.noticed) + len(wrecks.unnoticed)
        yield f"Checks broken {name}: {len(wrecks.noticed)} of {total} would have been noticed"
        if name == "wholesale":
            yield from (f"  not: {text}" for text in wrecks.unnoticed)


def _disagreement(verdict: Verdict) -> Iterator[str]:
    yield f"DISAGREEMENT on a {verdict.kind}, {verdict.policy}, seed {verdict.source}"
    yield f"  server: {verdict.said or 'accepts it'}"
    yield f"  we:     {verdict.ours or 'accept it'}"
    yield f"  judged: {verdict.template}"
