"""Files that are whole or not there, and marks."""

from pathlib import Path

import pytest

from recipes.builtin import keep


def test_a_file_is_replaced_when_the_block_ends_and_not_when_it_fails(tmp_path: Path) -> None:
    place = tmp_path / "a.json"
    keep.put_json(place, {"of": "before"})
    with pytest.raises(FileNotFoundError), keep.whole(place) as partial:
        partial.with_name("nowhere").read_text()
    assert keep.read_json(place) == {"of": "before"}
    with keep.whole(place) as partial:
        partial.write_text("[1]")
        assert keep.read_json(place) == {"of": "before"}
    assert keep.read_json(place) == [1]
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_mark_knows_values_and_not_their_order_in_a_dict() -> None:
    assert keep.mark({"a": 1, "b": (2,)}) == keep.mark({"b": [2], "a": 1})
    assert keep.mark([1, 2]) != keep.mark([2, 1])
    assert len(keep.mark(None)) == 16
