"""JSON that is deeper than Python decodes is cut where nothing that is judged can be."""

import json

import pytest

from kubectl_caps.cluster.http.deep_json import CUT, DEEPEST, shallow


def nested(levels: int, brackets: str = "{}") -> str:
    """So many objects or arrays in one another."""
    opening = '{"a":' if brackets == "{}" else "["
    return opening * levels + "1" + brackets[1] * levels


@pytest.mark.parametrize("brackets", ["{}", "[]"])
@pytest.mark.parametrize(("levels", "kept"), [(1, 1), (DEEPEST - 1, DEEPEST - 1), (DEEPEST, 0), (100_000, 0)])
def test_only_too_deeply_nested_json_is_cut(brackets: str, levels: int, kept: int) -> None:
    found = shallow(nested(levels, brackets).encode())
    assert found.decode() == (
        nested(kept, brackets) if kept else nested(DEEPEST - 1, brackets).replace("1", CUT.decode())
    )


def test_the_text_beside_a_cut_stays_and_brackets_in_strings_do_not_count() -> None:
    text = f'{{"items": [{{"deep": {nested(5000)}, "next": "{{[\\"{{\\\\"}}, {{"name": "x"}}]}}'
    deep, beside = json.loads(shallow(text.encode()))["items"]
    assert (deep["next"], beside) == ('{["{\\', {"name": "x"})
