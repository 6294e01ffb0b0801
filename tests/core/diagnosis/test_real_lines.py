"""What the diagnosis makes of real lines: it names what was missing, and never what was not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from real_lines import REAL, RealLines

from kubectl_caps.core.diagnosis.attribution import Loss
from kubectl_caps.core.diagnosis.diagnose import diagnose
from kubectl_caps.core.diagnosis.line_cause import Evidence, LineCause
from kubectl_caps.core.harden.complaints import Line, complaints
from kubectl_caps.core.linux.capabilities import BY_NAME

NAMES = sorted(BY_NAME)


def causes(real: RealLines, **known: object) -> tuple[LineCause, ...]:
    return diagnose([Evidence("log", line) for line in real.lines], uid=0, **known)  # type: ignore[arg-type]


def named(found: tuple[LineCause, ...], *, sure: bool = True) -> set[str]:
    return {name for cause in found if sure is (cause.certainty != "possible") for name in cause.capabilities}


@pytest.mark.parametrize("real", REAL, ids=lambda real: f"{real.program[:40]} without {' '.join(real.without)}")
def test_real_lines_name_the_missing_capability(real: RealLines) -> None:
    found = causes(real)
    assert sorted(named(found)) == real.named
    assert sorted(named(found, sure=False) - named(found)) == real.possible


def test_no_real_line_names_a_capability_that_the_program_does_not_need() -> None:
    wrong = [(real.program, named(causes(real))) for real in REAL if not named(causes(real)) <= set(real.needs)]
    assert wrong == []


def test_nearly_all_real_lines_name_a_missing_capability() -> None:
    right = [real for real in REAL if set(real.named) & set(real.without)]
    assert len(right) > 0.9 * len(REAL)


@pytest.mark.parametrize("real", REAL[::5], ids=lambda real: real.program[:40])
def test_a_capability_that_was_not_lost_is_not_missing(real: RealLines) -> None:
    assert named(causes(real, loss=Loss(kept=frozenset(NAMES)))) == set()


@pytest.mark.parametrize("real", [real for real in REAL if real.named], ids=lambda real: real.program[:40])
def test_the_refusal_of_a_program_that_stays_up_is_found_in_its_log(real: RealLines) -> None:
    lines = [Line("p", "c", text) for text in real.lines]
    assert any(not item.is_doubtful for item in complaints(lines, {"c": 0}, {"c": Loss(frozenset(BY_NAME))}))


LINES = st.lists(
    st.one_of(st.sampled_from([line for real in REAL for line in real.lines]), st.text(max_size=80)), max_size=6
)


@given(
    LINES,
    st.frozensets(st.sampled_from(NAMES)),
    st.frozensets(st.sampled_from(NAMES)),
    st.frozensets(st.sampled_from(["allowPrivilegeEscalation", "runAsUser", "seccompProfile"])),
    st.none() | st.sampled_from([0, 1000]),
    st.sampled_from(["log", "event", "state", "termination"]),
)
def test_only_lost_capabilities_are_named(
    lines: list[str],
    before: frozenset[str],
    after: frozenset[str],
    settings: frozenset[str],
    uid: int | None,
    source: str,
) -> None:
    loss = Loss(before - after, after, settings)  # type: ignore[arg-type]
    found = diagnose([Evidence(source, line) for line in lines], uid=uid, loss=loss)  # type: ignore[arg-type]
    for cause in found:
        assert set(cause.capabilities) <= before - after
        assert cause.kind != "capability" or cause.capabilities or before - after
