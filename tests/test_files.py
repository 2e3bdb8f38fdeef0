"""Values become plain JSON values or are refused; files and folders are whole or absent."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf

from rlx.files import atomic_path, to_json, write_folder, write_json, write_text
from rlx.types import Accounting, AssetClass


@dataclass
class Point:
    x: float
    label: Any


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        (np.float64("inf"), None),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (True, True),
        (np.array([[1.0, np.nan]]), [[1.0, None]]),
        (np.datetime64("2020-01-02T03:04:05.678", "ns"), "2020-01-02T03:04:05"),
        (Accounting.exact, "exact"),
        ((AssetClass.crypto, Path("a") / "b"), ["crypto", "a/b"]),
        ({1: Point(1.0, {"k": None})}, {"1": {"x": 1.0, "label": {"k": None}}}),
    ],
)
def test_plain(value: Any, expected: Any) -> None:
    result = to_json(value)
    assert result == expected and type(result) is type(expected)


def test_a_resolved_configuration_is_plain() -> None:
    config = OmegaConf.to_container(OmegaConf.create({"a": [1, {"b": None}]}))
    assert to_json(config) == {"a": [1, {"b": None}]}


def test_what_has_no_place_in_json_is_refused() -> None:
    with pytest.raises(TypeError, match="set cannot be stored in a JSON file"):
        to_json({"symbols": {"AAPL"}})


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    def fail_halfway() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise OSError("disk full")

    path = tmp_path / "new" / "card.json"
    write_json(path, {"a": 1})
    with pytest.raises(OSError, match="disk full"):
        fail_halfway()
    assert path.read_text() == '{\n  "a": 1\n}\n'
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_is_new_each_time(tmp_path: Path) -> None:
    places = [
        write_folder(tmp_path / "evals", "noon", lambda new, text=text: (new / "a.txt").write_text(text))  # type: ignore[misc]
        for text in "xyz"
    ]
    assert places == [tmp_path / "evals" / name for name in ("noon", "noon_2", "noon_3")]
    assert [(place / "a.txt").read_text() for place in places] == ["x", "y", "z"]
    assert sorted(path.name for path in (tmp_path / "evals").iterdir()) == ["noon", "noon_2", "noon_3"]


def test_a_folder_that_was_not_finished_is_not_there(tmp_path: Path) -> None:
    def fail_halfway(new: Path) -> None:
        (new / "a.txt").write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_folder(tmp_path, "noon", fail_halfway)
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    """Who may write anything, as in a container, would otherwise lose /dev/null to ``--out /dev/null``."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(FileExistsError, match="not a regular file"):
        write_text(pipe, "text")
    assert pipe.is_fifo() and list(tmp_path.iterdir()) == [pipe]
