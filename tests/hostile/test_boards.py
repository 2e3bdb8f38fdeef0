"""Scoreboards that are damaged or made to do harm: one message, or a table; never a traceback, never another's file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from rlx.board.store import REPORTS, Scoreboard, append, prepare
from rlx.cli import main
from rlx.errors import RlxError
from rlx.evaluate import BOARD as DEFAULT
from rlx.report.page.series import Series
from rlx.report.recommendation import MARKDOWN, TEMPLATES, template_names
from tests.app.commands import Finished
from tests.board.entries import document_of
from tests.hostile.boards import COMMITTED, TEXT, damaged_in_lines, damaged_lines, in_lines
from tests.hostile.damage import EXHAUSTIVE, changes, damaged_json, damaged_together
from tests.hostile.readers import Outcome, assert_taken, outcome_of_files
from tests.hostile.refusal import assert_refused, contents

LENIENT = ("--min-dsr", "0.001", "--max-p-value", "1", "--max-drawdown", "1", "--min-steps", "1", "--min-windows", "1")
DRAWN = 10  # of what is refused at reading, every so manieth in the exhaustive tests
SHARE = 47  # the same in the default run; and of the lines of schema 2, whose values go the way of those of schema 1
KEPT = {
    "metrics": ("cumulative_return", "sharpe", "max_drawdown", "turnover", "hit_rate"),
    "intervals": ("sharpe", "annual_excess_over_equal_weight"),
    "guard": ("drawdown_hit_rate",),
    "windows": ("n", "steps", "share_positive", "share_beating_equal_weight", "share_beating_cash"),
    "policy": ("name",),
}
"""What is read by its own name, and one of those that are read by the same code."""


def small_board() -> dict[str, Any]:
    """Return a real board of one key with a checkpoint, which has a rank, and its baseline, as short as it can be."""
    board = document_of(Scoreboard.load(COMMITTED))
    key = next(iter(board["keys"]))
    own = [entry for entry in board["entries"] if entry["key"] == key]
    entries = [next(entry for entry in own if entry["kind"] == kind) for kind in ("checkpoint", "equal_weight")]
    for entry in entries:
        entry |= {group: {name: entry[group][name] for name in names} for group, names in KEPT.items()}
        entry["equity"] = entry["equity"][:3]
    entries[0]["references"] = [{"name": "production_average_daily_return", "value": 0.001, "unit": "fraction"}]
    entries[0]["intervals"]["annual_excess_over_equal_weight"] |= {"low": 0.01, "covers_zero": False}  # it is promoted
    return {**board, "keys": {key: board["keys"][key]}, "entries": entries}


def small_report(name: str) -> dict[str, Any]:
    """Return a report's series of a few days, of the policy, one that it is compared with, and one symbol."""
    document = json.loads((COMMITTED.parent / REPORTS / name).read_text(encoding="utf-8"))
    few = {document["policy"], "cash", "SPY", *document["guards"]}

    def short(value: Any) -> Any:
        if isinstance(value, dict):
            named = few if few & value.keys() else value.keys()
            return {name: short(item) for name, item in value.items() if name in named}
        return value[:30] if isinstance(value, list) and len(value) == len(document["dates"]) else value

    return dict(short(document))


BOARD = small_board()
REPORT = small_report(BOARD["entries"][0]["report"])


TAKEN = {
    # what no table, page or rule reads
    "missing anything": (
        "keys.*.key.(data|accounting|drift|symbols|symbols.*)",
        "keys.*.key.costs.(margin_annual|short_borrow_annual)",
        "keys.*.key.limits.(max_weight|intraday_gross|base_gross)",
        "keys.*.data.periods_per_year",
        "entries.*.(options.path|windows.share_beating_cash|policy.name)",
        "entries.*.intervals.*.(replications|block_steps)",
    ),
    "anything": ("keys.*.key.costs.per_asset_bps",),  # shown literally
    # numbers are shown unchanged, and a measure may be unknown
    "negative": (
        "keys.*.key.costs.(commission|half_spread|slippage)_bps",
        "entries.*.intervals.sharpe.(estimate|low|high)",
        "entries.0.intervals.annual_excess_over_equal_weight.(estimate|low|high)",
    ),
    "negative null": (
        "keys.*.key.limits.closing_gross",
        "entries.*.significance.(psr|dsr|min_track_record_steps|expected_max_sharpe)",
        "entries.*.significance.(trial_variance_per_step|sharpe_per_step|skewness|kurtosis)",
        "entries.*.references.*.value",
    ),
    "missing negative null": (
        "keys.*.key.(guard|cooldown).*",
        "entries.*.(metrics|guard).*",
        "entries.1.intervals.annual_excess_over_equal_weight.estimate",  # that of equal weight has no ends
    ),
    "missing negative": ("entries.*.equity.*",),
    "null": ("entries.*.significance.trial_variance_from",),
    "missing null": (
        "entries.*.(days|report)",
        "entries.*.intervals.*.p_value",
        "entries.1.intervals.annual_excess_over_equal_weight.(low|high)",
        "entries.*.windows.share_(positive|beating_equal_weight)",
    ),
    # names and texts, which are shown as text (test_names.py)
    "text": (
        "keys.*.(key.execution|data.fingerprint|data.frequency|data.calendar)",
        "entries.*.(target|system|kind|benchmark)",
        "entries.*.references.*.(name|unit)",
    ),
    "null text": ("keys.*.data.source", "entries.*.significance.reason"),
    "missing text": ("keys.*.data.symbols.*", "entries.*.verdict", "entries.*.provenance.(python|platform)"),
    "missing null text": ("entries.*.intervals.*.reason", "entries.*.provenance.git.commit"),
    "flag": ("keys.*.key.limits.long_only",),
    "missing flag": ("entries.*.provenance.git.dirty",),
    "missing flag null": ("entries.*.intervals.*.covers_zero",),
    # what an older line does not have yet, or has none of
    "missing": (
        "keys.*.key.windows.windows",
        "entries.*",
        "entries.*.intervals.*.confidence",
        "entries.*.windows.(n|steps)",
        "entries.*.seen_steps.*",
        "entries.*.references.*",
    ),
    "object": ("keys.*.key.(guard|cooldown)",),
    "missing object": (
        "entries.*.(options|metrics|intervals|intervals.*|guard|windows|significance|seen_steps|policy|provenance)",
    ),
    "missing null object": ("entries.*.provenance.git",),
    "list": ("entries",),
    "missing list": ("entries.*.(equity|references)",),
}
TAKEN_OF_REPORTS = {
    "missing anything": ("(symbols|turnover|leverage_scale)(.*)?",),  # not drawn
    # edges must rise
    "negative": ("(value|drawdown).*.*", "weights.*.*", "guards.*.*", "costs.*", "windows.edges.0"),
    "negative null": ("rolling_sharpe.*.*",),  # none yet in the first days
    "missing": ("(value|drawdown|rolling_sharpe|windows.counts).cash", "weights.SPY", "monthly.*"),
    "object": ("weights",),
    "list": ("monthly",),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a board with its reports lies, one folder below what is watched."""
    folder = tmp_path / "here"
    for entry in BOARD["entries"]:
        target = folder / REPORTS / entry["report"]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(small_report(entry["report"])), encoding="utf-8")
    (folder / "scoreboard.json").write_text(in_lines(BOARD), encoding="utf-8")
    return folder / "scoreboard.json"


def rlx(capsys: pytest.CaptureFixture[str], *arguments: object) -> Finished:
    """Run ``rlx`` in this process."""
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return Finished(int(stop.value.code or 0), out, err, Path())


def assert_drawn(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Assert that a board is drawn, recommended from and taken to be added to, and writes nothing but its own."""
    before = contents(path.parents[1])
    assert rlx(capsys, "board", path).status == 0
    assert rlx(capsys, "recommend", path, *LENIENT).status == 0
    changed = {file for file, content in contents(path.parents[1]).items() if before.get(file) != content}
    ours = {path.with_suffix(suffix).name for suffix in (".md", ".html")} | {MARKDOWN, f".{path.name}.lock"}
    assert {file.parts[1] for file in changed} <= ours | {TEMPLATES}, changed
    prepare(path)


def assert_refused_by_all(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Assert that a board is refused by whatever reads one, and that everything stays as it is."""
    before = contents(path.parents[1])
    assert_refused(rlx(capsys, "board", path), str(path))
    assert_refused(rlx(capsys, "recommend", path, *LENIENT), str(path))
    with pytest.raises(RlxError):
        prepare(path)
    with pytest.raises(RlxError):
        append(path, "0123456789ab", {}, [])
    left, lock = contents(path.parents[1]), Path(path.parent.name) / f".{path.name}.lock"
    assert left | {lock: b""} == before | {lock: b""}


def outcome_of_boards(
    path: Path, files: Iterable[tuple[str, bytes]], capsys: pytest.CaptureFixture[str], draw: bool
) -> Outcome:
    """Read each; draw what is taken where asked to, and pass to the commands a share of what is refused."""
    refused = count()

    def read() -> None:
        try:
            Scoreboard.load(path)
        except RlxError:
            if next(refused) % (DRAWN if draw else SHARE) == 0:
                assert_refused_by_all(path, capsys)
            raise
        if draw:
            assert_drawn(path, capsys)

    return outcome_of_files(path, files, read)


def taken_together(document: Any, found: Outcome) -> Iterator[bytes]:
    """Yield the damage that was taken one by one, as much of it in each file as is independent of each other."""
    taken = set(found.taken)
    for damaged in damaged_together(document, (change for change in changes(document) if change.what in taken)):
        yield json.dumps(damaged).encode()


def test_damaged_boards_of_schema_1_are_drawn_or_refused(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Drawing one takes longer than reading a hundred: what is taken is drawn together, in a few boards."""
    found = outcome_of_boards(path, damaged_json(BOARD), capsys, draw=False)
    assert_taken(found, TAKEN)
    for data in taken_together(BOARD, found):
        path.write_bytes(data)
        assert_drawn(path, capsys)


@pytest.mark.parametrize("form", [pytest.param(0, marks=EXHAUSTIVE), pytest.param(1, marks=EXHAUSTIVE)])
def test_every_damaged_board_is_drawn_or_refused(path: Path, capsys: pytest.CaptureFixture[str], form: int) -> None:
    files = (*damaged_lines(), *damaged_in_lines(BOARD)) if form else damaged_json(BOARD)
    assert not outcome_of_boards(path, files, capsys, draw=True).broken


def test_damaged_boards_are_drawn_or_refused(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = (*damaged_lines(), *damaged_in_lines(BOARD))
    assert not outcome_of_boards(path, files, capsys, draw=False).broken
    assert not outcome_of_boards(path, files[::SHARE], capsys, draw=True).broken


def test_what_every_damaged_line_comes_to(path: Path) -> None:
    """Damage to a line is refused, unless what is left is a board: a line less, twice the same entry, another order."""
    entries = range(4, 8)
    assert set(outcome_of_files(path, damaged_lines(), lambda: Scoreboard.load(path)).taken) == {
        *(f"line {number} taken out" for number in entries),
        *(f"line {number} doubled" for number in entries),
        *(f"line {number} swapped with the next" for number in (2, 3, 4, 5, 6)),  # each key stays above its entries
        "line 7 joined to the next",  # there is none
        "line 1 after a mark",
        *(f"as {encoding}" for encoding in ("utf-8-sig", "utf-16", "utf-32")),
        "with lines that end in '\\r\\n'",
        "packed",
    }


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_board_of_another_encoding_is_added_to(path: Path, encoding: str) -> None:
    path.write_bytes(TEXT.encode(encoding))
    before = Scoreboard.load(path)
    key = before.entries[0].key
    after = append(path, key, {}, before.entries[:1])
    assert Scoreboard.load(path) == after == Scoreboard(before.keys, (*before.entries, before.entries[0]))


@pytest.mark.parametrize("form", [in_lines, json.dumps])
@pytest.mark.parametrize("key", ["../../../victim", "*", "0123456789AB", "0123456789ab/..", ""])
def test_a_key_that_is_no_hash_is_refused_and_deletes_nothing(
    path: Path, capsys: pytest.CaptureFixture[str], key: str, form: Callable[[Any], str]
) -> None:
    document = json.loads(json.dumps(BOARD))
    old = document["entries"][0]["key"]
    document["keys"] = {key: {**document["keys"][old], "key": {**document["keys"][old]["key"], "hash": key}}}
    document["entries"] = [{**entry, "key": key} for entry in document["entries"]]
    path.write_text(form(document), encoding="utf-8")
    victims = [path.parents[1] / "victim.yaml", path.parent / TEMPLATES / "mine_.yaml"]
    for victim in victims:
        victim.parent.mkdir(exist_ok=True)
        victim.write_text("mine: true\n", encoding="utf-8")
    before = contents(path.parents[1])
    assert_refused(rlx(capsys, "recommend", path, *LENIENT), "key", str(path))
    assert contents(path.parents[1]) == before


def test_only_templates_of_ours_are_removed(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entry = BOARD["entries"][0]
    assert rlx(capsys, "recommend", path, *LENIENT).status == 0
    (name,) = template_names(entry["key"], [entry["system"]]).values()
    own, folder = path.parent / TEMPLATES / name, path.parent / TEMPLATES
    assert own.is_file()
    others = [folder / f"mine_{entry['key']}.yaml", folder / f"{entry['system']}_{entry['key']}.yml"]
    for other in others:
        other.write_text("mine: true\n", encoding="utf-8")
    assert rlx(capsys, "recommend", path).status == 0
    assert not own.exists() and all(other.exists() for other in others)
    own.write_text("somebody's\n", encoding="utf-8")
    assert rlx(capsys, "recommend", path).status == 0
    assert own.read_text(encoding="utf-8") == "somebody's\n"
    assert_refused(rlx(capsys, "recommend", path, *LENIENT), name, "not overwritten")
    assert own.read_text(encoding="utf-8") == "somebody's\n"


def test_two_systems_with_one_file_name_get_a_template_each() -> None:
    names = template_names("0123456789ab", ["a b", "a_b", "A_B", "c"])
    assert len({name.lower() for name in names.values()}) == 4 and names["c"] == "c_0123456789ab.yaml"


@pytest.mark.parametrize("report", ["../../secret.json", "/etc/passwd", "0123456789ab/../x.json", "", "a.json"])
def test_a_report_lies_among_the_reports(path: Path, capsys: pytest.CaptureFixture[str], report: str) -> None:
    document = json.loads(json.dumps(BOARD))
    document["entries"][0]["report"] = report
    path.write_text(in_lines(document), encoding="utf-8")
    assert_refused(rlx(capsys, "board", path), "line 3: entry.report")
    path.write_text(json.dumps(document), encoding="utf-8")
    assert_refused(rlx(capsys, "board", path), "entries[0].report")


def test_a_link_out_of_the_folder_is_not_followed(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entry = BOARD["entries"][0]
    report, secret = path.parent / REPORTS / entry["report"], path.parents[1] / "secret.json"
    shutil.move(report, secret)
    report.symlink_to(secret)
    assert rlx(capsys, "board", path).status == 0
    assert "leads out of the folder" in path.with_suffix(".html").read_text(encoding="utf-8")
    (path.parent / TEMPLATES).symlink_to(path.parents[1])
    assert_refused(rlx(capsys, "recommend", path, *LENIENT), "leads out of the folder")
    assert not list(path.parents[1].glob("*.yaml"))


@pytest.mark.parametrize("each", [False, pytest.param(True, marks=EXHAUSTIVE)])
def test_damaged_reports_leave_the_page(path: Path, capsys: pytest.CaptureFixture[str], each: bool) -> None:
    """As with boards; a page says of a report that is refused why it shows none."""
    (entry,) = lines = BOARD["entries"][:1]
    path.write_text(json.dumps({**BOARD, "entries": lines}), encoding="utf-8")
    report, refused = path.parent / REPORTS / entry["report"], count()

    def read() -> None:
        try:
            Series.read(report)
        except RlxError:
            if next(refused) % (DRAWN if each else SHARE) == 0:
                assert rlx(capsys, "board", path).status == 0
            raise
        assert not each or rlx(capsys, "board", path).status == 0

    found = outcome_of_files(report, damaged_json(REPORT), read)
    assert_taken(found, TAKEN_OF_REPORTS)
    for data in taken_together(REPORT, found):
        report.write_bytes(data)
        assert rlx(capsys, "board", path).status == 0


def test_a_board_without_lines_recommends_nothing(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(json.dumps({**BOARD, "entries": []}), encoding="utf-8")
    assert rlx(capsys, "recommend", path).status == 0
    assert "0123" not in (path.parent / MARKDOWN).read_text(encoding="utf-8")
    assert_refused(rlx(capsys, "recommend", path, "--key", "0123"), "--key=0123: the board has none.")


@pytest.mark.parametrize("name", ["scoreboard.md", "scoreboard.html"])
def test_a_board_is_not_replaced_by_its_own_page(path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    other = path.rename(path.with_name(name))
    before = other.read_bytes()
    assert_refused(rlx(capsys, "board", other), "must be a .json file")
    assert other.read_bytes() == before


def test_boards_of_a_user_lie_where_git_does_not_look() -> None:
    ignored = (COMMITTED.parents[1] / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert f"{Path(DEFAULT).parts[0]}/" in ignored


def test_a_board_that_cannot_be_written_is_found_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(RlxError, match=r"cannot be written \(a file is in the way"):
        prepare(tmp_path / "file" / "scoreboard.json")
    (tmp_path / ".scoreboard.json.lock").mkdir()
    with pytest.raises(RlxError, match="cannot be locked"):
        prepare(tmp_path / "scoreboard.json")
