"""Scorecards, ledgers and sweep folders that are damaged or crafted."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from rlx.app.audit import load_scorecard
from rlx.app.sweep_report import report_on
from rlx.errors import FileError, RlxError
from rlx.evaluate.ledger_file import read_ledger
from rlx.evaluate.scorecard import Scorecard
from rlx.report.markdown import render_markdown
from tests.app.commands import Finished, Shell
from tests.evaluate.test_every_start import eventful, judge_eventful
from tests.evaluate.test_walk_forward import walked
from tests.hostile.damage import EXHAUSTIVE, damaged_bytes, damaged_documents, damaged_json
from tests.hostile.readers import assert_taken, assert_taken_of_a_sample, outcome_of_files
from tests.hostile.refusal import assert_refused, contents

KEPT = {
    "metrics": ("cumulative_return", "sharpe", "volatility", "max_drawdown"),
    "intervals": ("sharpe", "annual_excess_over_equal_weight"),
    "guard": ("drawdown_hit_rate", "cooldown_clipped"),
    "performance": ("evaluation_wall_seconds",),
}
"""What is read by its own name, and some of those that are read by the same code."""
TAKEN = {
    # replaced by an audit, or shown literally; code that computes with more of a scorecard checks its shape
    # (test_studies.py, test_boards.py)
    "missing anything": (
        "key.windows.*.n",
        "key.(costs|limits|guard|cooldown).*",
        "policy.kind",
        "intervals.*.p_value",
        "windows.(cumulative_return|sharpe|max_drawdown|turnover).n",
        "data.(calendar|bars|first|last|periods_per_year)",
        "significance.equal_weight(.*)?",
        "config.seed",
        "provenance.git",
        "performance.evaluation_wall_seconds",
    ),
    "anything": (
        "key.(costs|limits|guard|cooldown|accounting|execution|drift)",
    ),  # required, because they are compared
    # names and dates, compared and shown
    "text": ("key.data", "module", "verdict", "policy.name", "data.(fingerprint|frequency)"),
    "missing text": ("key.symbols.*", "data.symbols.*"),
    "null text": ("intervals.*.reason", "data.source", "significance.reason"),
    "null": ("intervals.*.block_steps", "significance.trial_variance_from"),
    # numbers copied unchanged, or None
    "negative": ("intervals.*.confidence",),
    "negative null": (
        "metrics.(cumulative_return|sharpe)",
        "intervals.*.(estimate|low|high)",
        "windows.*.(p05|median|p95)",
        "significance.(psr|dsr|min_track_record_steps|expected_max_sharpe|trial_variance_per_step)",
        "significance.(sharpe_per_step|skewness|kurtosis)",
    ),
    "flag null": ("intervals.*.covers_zero",),
    "missing negative null": ("metrics.(volatility|max_drawdown)", "guard.*", "baselines.equal_weight.*"),
    "missing flag huge negative null": (
        "windows.share_(positive|beating_equal_weight|beating_buy_and_hold|beating_cash)",
    ),
    # empty groups
    "list": ("key.symbols", "data.symbols"),
    "object": ("(intervals|guard|baselines|config|provenance|performance)",),
    "missing object": ("baselines.equal_weight", "significance"),
    "missing": ("key.windows.windows", "intervals.*"),
}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run folder of an evaluation of a few bars."""
    shell = Shell(tmp_path_factory.mktemp("judged"))
    settings = ("data=synthetic", "data.n_bars=400", "protocol.bootstrap_replications=100", "protocol.window_steps=20")
    assert shell.evaluate("policy=equal_weight", *settings, "hydra.run.dir=run").status == 0
    return shell.folder / "run"


def small_card(judged: Path) -> dict[str, Any]:
    """Return a minimal scorecard, without the parts that no code reads."""
    whole = json.loads((judged / "scorecard.json").read_text())
    few = {**whole, "baselines": {"equal_weight": whole["baselines"]["equal_weight"]}}
    for part, names in ((few, KEPT), (few["baselines"], {"equal_weight": KEPT["metrics"]})):
        part |= {group: {name: part[group][name] for name in names[group]} for group in names}
    return few | {"config": {"seed": 0}, "provenance": {"git": None}}


@pytest.mark.parametrize("sampled", [True, pytest.param(False, marks=EXHAUSTIVE)])
def test_every_leaf_of_a_scorecard(judged: Path, tmp_path: Path, sampled: bool) -> None:
    path = tmp_path / "scorecard.json"
    path.write_text(json.dumps(small_card(judged)))
    load_scorecard(path)
    files = damaged_json(small_card(judged), sampled)
    found = outcome_of_files(path, files, lambda: render_markdown(replace(load_scorecard(path), audit={})))
    (assert_taken_of_a_sample if sampled else assert_taken)(found, TAKEN)


@pytest.mark.parametrize("protocol", ["walk_forward", "every_start"])
def test_every_leaf_of_what_a_protocol_reports(protocol: str, tmp_path: Path) -> None:
    """A completed audit writes them to the Markdown again."""
    path, stamps = tmp_path / "scorecard.json", eventful().timestamps
    seen = {"trained": (stamps[0], stamps[20])}
    card = (walked(seen=seen) if protocol == "walk_forward" else judge_eventful(seen=seen)).scorecard
    block = json.loads(json.dumps(card.blocks[protocol]))
    whole = card.to_dict()
    files = (
        (what, json.dumps({**whole, "blocks": {protocol: damaged}}).encode())
        for what, damaged in damaged_documents(block)
    )
    found = outcome_of_files(path, files, lambda: render_markdown(load_scorecard(path)))
    assert not found.broken
    assert len(found.refused) > 250 and len(found.taken) > 20


def test_an_audit_reports_what_its_scorecard_lacks_before_it_starts(judged: Path, shell: Shell) -> None:
    shutil.copytree(judged, shell.folder / "run")
    path = shell.folder / "run" / "scorecard.json"
    card = json.loads(path.read_text())
    del card["intervals"]["sharpe"]["low"]
    path.write_text(json.dumps(card))
    before = contents(shell.folder)
    assert_refused(shell.tools("audit", "run"), "scorecard.json", "intervals.sharpe.low is missing")
    assert contents(shell.folder) == before


def test_an_audit_does_not_build_a_policy_chosen_by_a_record(judged: Path, shell: Shell) -> None:
    shutil.copytree(judged, shell.folder / "run")
    path = shell.folder / "run" / "config.yaml"
    whole = yaml.safe_load(path.read_text())
    for policy in ({"_target_": "os.getcwd"}, {**whole["policy"], "x": {"_target_": "os.getcwd"}}, None):
        path.write_text(yaml.safe_dump({**whole, "policy": policy}))
        assert_refused(shell.tools("audit", "run"), "config.yaml: policy")


def test_damaged_ledgers(judged: Path, tmp_path: Path) -> None:
    path = tmp_path / "ledger.parquet"
    whole, right = (judged / "ledger.parquet").read_bytes(), read_ledger(judged / "ledger.parquet")

    def read() -> None:
        for name, windows in read_ledger(path).items():
            assert np.array_equal(windows.ledger.net_return, right[name].ledger.net_return), "read other numbers"

    found = outcome_of_files(path, damaged_bytes(whole), read)
    assert not found.broken
    assert found.taken == ("twice",)  # the table itself counts, and is unchanged


def changed(judged: Path, path: Path, name: str, values: Any) -> None:
    """Write the ledger with another column in place of ``name``, or without it for None."""
    table = pq.read_table(judged / "ledger.parquet")
    place = table.column_names.index(name)
    table = table.remove_column(place)
    pq.write_table(table if values is None else table.add_column(place, name, [values(table.num_rows)]), path)


@pytest.mark.parametrize("name", ["set", "window", "bar", "timestamp", "net_return", "weight_S0"])
@pytest.mark.parametrize(
    "values",
    [
        None,
        lambda n: pa.array(["text"] * n),
        lambda n: pa.array([[1.0]] * n),
        lambda n: pa.array([{"a": 1}] * n),
        lambda n: pa.array([None] * n, type=pa.float64()),
        lambda n: pa.array([b"x"] * n),
    ],
)
def test_ledgers_with_other_columns(judged: Path, tmp_path: Path, name: str, values: Any) -> None:
    changed(judged, tmp_path / "ledger.parquet", name, values)
    if name == "weight_S0" and values is None:
        return  # a ledger with one symbol fewer
    with pytest.raises(FileError, match=r"ledger\.parquet: (missing columns|column|has empty cells)"):
        read_ledger(tmp_path / "ledger.parquet")


@pytest.mark.parametrize("name", ["window", "step"])
def test_ledgers_with_rows_in_another_order(judged: Path, tmp_path: Path, name: str) -> None:
    for values in (lambda n: pa.array([-1] * n), lambda n: pa.array([10**12] * n), lambda n: pa.array(range(n, 0, -1))):
        changed(judged, tmp_path / "ledger.parquet", name, values)
        with pytest.raises(FileError, match="are not windows of equal length"):
            read_ledger(tmp_path / "ledger.parquet")


def test_a_ledger_with_more_rows_than_possible_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred kilobytes can represent billions of equal rows, so the file's metadata are checked first."""
    path, n = tmp_path / "ledger.parquet", 2**20
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, dtype=np.int8)), [0.0])
    pq.write_table(pa.table({"net_return": column}), path)
    assert path.stat().st_size < 10_000
    monkeypatch.setattr("rlx.evaluate.ledger_file.MAX_CELLS", n - 1)
    with pytest.raises(FileError, match=r"parquet: claims 1,048,576 rows of 1 columns; at most 1,048,575"):
        read_ledger(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.slice(0, 0), "has no rows"),
        (lambda table: table.append_column("bar", table["bar"]), 'several columns "bar"'),
    ],
)
def test_a_ledger_without_rows_or_with_a_duplicate_column_is_reported(
    judged: Path, tmp_path: Path, change: Any, words: str
) -> None:
    pq.write_table(change(pq.read_table(judged / "ledger.parquet")), tmp_path / "ledger.parquet")
    with pytest.raises(FileError, match=words):
        read_ledger(tmp_path / "ledger.parquet")


@pytest.fixture(scope="module")
def sweep(judged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the runs of four identical trials."""
    folder = tmp_path_factory.mktemp("sweep")
    for trial in "0123":
        shutil.copytree(judged, folder / trial)
    return folder


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        (".hydra/overrides.yaml", "a: 1", 'is {"a": 1}, expected a list'),
        (".hydra/overrides.yaml", "- {a: 1}", 'is {"a": 1}, expected text'),
        (".hydra/overrides.yaml", "- &a [*a]", "refers to itself"),
        ("scorecard.json", "[]", "schema_version=null"),
        ("ledger.parquet", "hello", "not a Parquet file"),
    ],
)
def test_a_damaged_trial_is_named(sweep: Path, shell: Shell, name: str, text: str, part: str) -> None:
    shutil.copytree(sweep, shell.folder / "sweep")
    (shell.folder / "sweep" / "2" / name).write_text(text)
    before = contents(shell.folder)
    assert_refused(shell.tools("sweep", "report", "sweep"), f"sweep/2/{name}", part)
    assert contents(shell.folder) == before


def test_a_ledger_of_another_run_is_refused(sweep: Path, shell: Shell) -> None:
    shutil.copytree(sweep, shell.folder / "sweep")
    path = shell.folder / "sweep" / "1" / "ledger.parquet"
    changed(sweep / "1", path, "net_return", lambda n: pa.array([0.001] * n))
    with pytest.raises(RlxError, match="not the returns that"):
        report_on(shell.folder / "sweep")


def test_a_scorecard_of_a_training_is_read(trained: Finished) -> None:
    assert load_scorecard(trained.run() / "scorecard.json") == Scorecard.load(trained.run() / "scorecard.json")
