"""What stands in for every damage in every place misses no place and no damage."""

from __future__ import annotations

from typing import Any

from tests.hostile.damage import REMOVED, WRONG_VALUES, changes, damaged_documents, damaged_together

DOCUMENT = {"a": {"b": 1, "c": [1, 2, 3], "d": None}, "e": "text", "f": [{"g": 2.5}, {"g": 3.5}]}


def test_a_sample_has_every_place_without_its_value_and_every_wrong_value() -> None:
    whole, sample = ([what for what, _ in damaged_documents(DOCUMENT, sampled)] for sampled in (False, True))
    assert set(sample) < set(whole) and len(sample) < len(whole) / 2
    places, values = ({what.partition(" = ")[part] for what in sample} for part in (0, 2))
    assert places == {what.partition(" = ")[0] for what in whole}
    assert values == {what.partition(" = ")[2] for what in whole} and len(values) == 1 + len(WRONG_VALUES)


def test_damage_together_is_all_of_it_in_few_copies() -> None:
    """Each change is seen in a copy: what it put there is, or what it removed is not."""
    damage = [change for change in changes(DOCUMENT) if change.path]
    copies = list(damaged_together(DOCUMENT, damage))
    assert len(copies) < len(damage) / 2

    def found(document: Any, path: tuple[Any, ...]) -> Any:
        try:
            for name in path:
                document = document[name]
        except (KeyError, IndexError, TypeError):  # what is above it was damaged
            return REMOVED
        return document

    def seen(path: tuple[Any, ...], value: Any) -> bool:
        return any(found(copy, path) is value for copy in copies)

    items = {path for _, path, value in damage if value is REMOVED and isinstance(path[-1], int)}
    assert [change for change in damage if change.path not in items and not seen(change.path, change.value)] == []
    assert {len(copy["a"]["c"]) for copy in copies if isinstance(found(copy, ("a", "c")), list)} >= {2, 3}
    assert {len(copy["f"]) for copy in copies if isinstance(copy.get("f"), list)} >= {1, 2}
