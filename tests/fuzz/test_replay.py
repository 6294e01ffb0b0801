"""The corpus of the fuzzing and all that it ever broke, once more; and a short run of the loop itself."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.loop import Fuzzer
from fuzz.targets import TARGETS, stored


@pytest.mark.parametrize("name", TARGETS)
def test_no_text_of_the_corpus_breaks_a_parser(name: str) -> None:
    for text in (*stored(name, "corpus"), *stored(name, "findings")):
        TARGETS[name].check(text)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=25)
@given(data=st.data())
def test_no_random_text_breaks_a_parser(name: str, data: st.DataObject) -> None:
    target = TARGETS[name]
    part = st.one_of(st.sampled_from(target.words), st.text(max_size=8))
    text = data.draw(st.lists(part, max_size=30).map("".join))
    target.check(text)


def test_the_fuzzer_keeps_inputs_with_new_coverage_and_finds_a_planted_failure() -> None:
    """Else a run that finds nothing says nothing."""
    target = TARGETS["processes"]

    def check(text: str) -> None:
        assert "CapEff:\tf" not in text, "planted"
        target.check(text)

    fuzzer = Fuzzer("none", type(target)(check, target.seeds, ("f", "CapEff:\t"), ()), Random(1))
    known = len(fuzzer.arcs)
    for _ in range(60):
        fuzzer.run(0.5)
        if fuzzer.findings and fuzzer.new:
            break
    assert len(fuzzer.arcs) > known
    assert fuzzer.new
    assert any("planted" in error for _, error in fuzzer.findings)
