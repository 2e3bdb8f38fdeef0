"""Damaged studies and sweep folders: ``rlx sweep report`` and a continued sweep say what is wrong, and end."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import optuna
import pytest

from rlx.app.sweep_report import report_on
from rlx.data.splits import Span
from rlx.errors import RlxError
from rlx.evaluate.judge import judge
from rlx.evaluate.ledger_file import write_ledger
from rlx.evaluate.protocols.base import Protocol
from rlx.evaluate.scorecard import Scorecard
from rlx.files import write_text
from rlx.runs.study_state import read_state, study_state, write_record
from rlx.runs.study_storage import Place, opened
from rlx.runs.sweeps import _on_its_scorecard, _other_sharpes, sweep_of
from tests.app.commands import Shell
from tests.evaluate.players import FREE, Player, random_market
from tests.hostile.damage import damaged_bytes, damaged_documents, damaged_json
from tests.hostile.readers import Outcome, assert_taken, outcome_of_files
from tests.hostile.refusal import STATUS_FINE, assert_refused, contents

TRIALS = 5
TAKEN_OF_RECORDS = {
    "text": ("storage",),  # shown alone
    "null": ("file",),  # a storage that is no file
    "object": ("objectives",),  # none yet
    "missing huge negative": ("objectives.*",),
    "null text": ("best",),
}
TAKEN_OF_KEYS = {
    "missing anything": ("windows.*.n",),  # read by nobody
    "missing": ("windows.windows",),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a sweep of five trials over 49 steps, with its study and its record."""
    folder = tmp_path_factory.mktemp("whole") / "sweep"
    folder.mkdir()
    protocol = Protocol(window_steps=10, bootstrap_replications=100)
    for number in range(TRIALS):
        player = Player(lambda o, n=number: ((o.bar[:, None] + n) % 3 + 1) * [0.2, 0.1, 0.05 * n])
        judged = judge(player, random_market(), Span(10, 59), FREE, protocol, baselines=[], module="test")
        judged.scorecard.write(folder / str(number) / "scorecard.json")
        write_ledger(folder / str(number) / "ledger.parquet", judged.evaluation)
        write_text(folder / str(number) / ".hydra" / "overrides.yaml", f"- module.rate={number}\n- +a.b=[/b]\n")
    place = Place.of(None, folder)
    with opened(place) as storage:
        study = optuna.create_study(study_name="rlx", storage=storage)
        for number in range(TRIALS):
            trial = study.ask({"module.rate": optuna.distributions.IntDistribution(0, 9)})
            study.tell(trial, float(number))
        write_record(folder, place, study)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """Return a copy of it, to be damaged."""
    shutil.copytree(whole, tmp_path / "sweep")
    return tmp_path / "sweep"


def flipped(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a database with one byte in about 2,000 turned over."""
    for place in range(0, len(data), 1999):
        yield f"byte {place}", data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]


def foreign(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield databases of something else: other tables, views under Optuna's names, and none of the rows."""
    scripts = {
        "other tables": "CREATE TABLE mail (id INTEGER)",
        "views": "".join(
            f"CREATE VIEW {name} AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n;"
            for name in ("studies", "trials", "version_info")
        ),
        "bare tables": "".join(f"CREATE TABLE {name} (id INTEGER);" for name in ("studies", "trials", "version_info")),
    }
    for name, script in scripts.items():
        file = folder / "made.db"
        with contextlib.closing(sqlite3.connect(file)) as connection:
            connection.executescript(script)
        yield name, file.read_bytes()
        file.unlink()


def assert_read_or_continued(folder: Path, studies: list[tuple[str, bytes]]) -> tuple[Outcome, Outcome]:
    """Read every study, which leaves it as it is, then continue it; return what becomes of both."""
    path = folder / "study.db"

    def read() -> None:
        before = path.read_bytes()
        try:
            read_state(folder)
        finally:
            assert path.read_bytes() == before
            assert sweep_of(folder / "0") is not None  # the record counts

    def resume_plan() -> None:
        with opened(Place.of(None, folder)) as storage:
            study = optuna.create_study(study_name="rlx", storage=storage, load_if_exists=True)
            study_state(study)
            study.tell(study.ask(), 1.0)

    found = outcome_of_files(path, studies, read), outcome_of_files(path, studies, resume_plan)
    assert not found[0].broken and not found[1].broken, found
    return found


def test_damaged_studies_are_an_error_of_ours(folder: Path, tmp_path: Path) -> None:
    read, continued = assert_read_or_continued(
        folder, [*damaged_bytes((folder / "study.db").read_bytes()), *foreign(tmp_path)]
    )
    unseen = {"without its end", "twice", *(f"a byte flipped at {share}%" for share in (10, 50, 90))}  # an unused page
    assert set(read.taken) == unseen
    assert set(continued.taken) == unseen | {"empty"}  # is started again


@pytest.mark.slow
def test_every_damaged_study_is_an_error_of_ours(folder: Path) -> None:
    read, continued = assert_read_or_continued(folder, list(flipped((folder / "study.db").read_bytes())))
    assert read.taken and read.refused and continued.taken and continued.refused


def test_storages_that_cannot_be_written_or_are_of_another_version_are_refused(folder: Path) -> None:
    read_only = Place.of(f"sqlite:///file:{folder}/study.db?mode=ro&uri=true", folder)
    with pytest.raises(RlxError, match=r"cannot be used .*readonly database"), opened(read_only) as storage:
        optuna.create_study(study_name="another", storage=storage)
    with contextlib.closing(sqlite3.connect(folder / "study.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v99'")
        connection.commit()
    with pytest.raises(RlxError, match=r"cannot be used .*no longer compatible"), opened(Place.of(None, folder)):
        pass


def test_a_report_on_a_damaged_study_counts_by_the_record(folder: Path, shell: Shell) -> None:
    (folder / "study.db").write_bytes((folder / "study.db").read_bytes()[:5000])
    done = shell.tools("sweep", "report", str(folder))
    assert done.status == STATUS_FINE and "Traceback" not in done.err + done.out
    assert json.loads((folder / "sweep_report.json").read_text())["trials"]["count"] == TRIALS


def outcome_of_reports(folder: Path, path: Path, files: Iterable[tuple[str, bytes]]) -> Outcome:
    """Report on a folder with each of the files in the place of one of its own."""
    found = outcome_of_files(path, files, lambda: report_on(folder, blocks=2))
    assert not found.broken, found.broken
    return found


def test_damaged_records_are_refused_and_a_report_counts_without_them(folder: Path) -> None:
    path = folder / "study.json"
    record = json.loads(path.read_text())
    assert outcome_of_reports(folder, path, islice(damaged_json(record), 0, None, 29)).refused == ()
    assert_taken(outcome_of_files(path, damaged_json(record), lambda: read_state(folder)), TAKEN_OF_RECORDS)


def test_damaged_overrides_are_refused_or_text(folder: Path) -> None:
    path = folder / "1" / ".hydra" / "overrides.yaml"
    found = outcome_of_reports(folder, path, damaged_bytes(path.read_bytes()))
    assert set(found.taken) == {"empty", "line breaks", "half", "without its end", "twice"}  # are lists of text as well


def test_damaged_overrides_are_refused_in_one_message(folder: Path, shell: Shell) -> None:
    path = folder / "1" / ".hydra" / "overrides.yaml"
    for text in ("{a: 1}", "[1, 2]", "- [a]", "&a [*a]", "!!python/object/apply:os.system [true]", "a: [", "\0"):
        path.write_text(text)
        before = contents(folder)
        assert_refused(shell.tools("sweep", "report", str(folder)), str(path))
        assert contents(folder) == before


def test_a_scorecard_without_what_is_read_of_it_is_refused(folder: Path, shell: Shell) -> None:
    path = folder / "1" / "scorecard.json"
    card = json.loads(path.read_text())
    used = ("hash", "periods_per_year", "windows")
    rest = {name: value for name, value in card["key"].items() if name not in used}

    def files() -> Iterator[tuple[str, bytes]]:
        for what, key in damaged_documents({name: card["key"][name] for name in used}):
            yield what, json.dumps({**card, "key": {**rest, **key} if isinstance(key, dict) else key}).encode()

    assert_taken(outcome_of_files(path, files(), lambda: Scorecard.load(path)), TAKEN_OF_KEYS)
    path.write_text(json.dumps({**card, "key": None}))
    assert_refused(shell.tools("sweep", "report", str(folder)), "scorecard", str(path))


def test_every_damaged_scorecard_is_refused_or_does_not_matter(folder: Path) -> None:
    """A report refuses it; an evaluation next to it continues without."""
    path = folder / "1" / "scorecard.json"
    card = json.loads(path.read_text())
    read = ("key", "metrics", "significance")  # test_scorecards.py has all the rest
    for other in "234":
        shutil.rmtree(folder / other)

    def files() -> Iterator[tuple[str, bytes]]:
        for what, part in damaged_documents({name: card[name] for name in read}):
            yield what, json.dumps({**card, **part} if isinstance(part, dict) else part).encode()
        yield from damaged_bytes(path.read_bytes())

    def judge_against() -> None:
        _other_sharpes(folder / "0")
        _on_its_scorecard(folder / "1")

    found = outcome_of_files(path, files(), judge_against)
    assert found.refused == () and not found.broken


@pytest.mark.parametrize(("name", "harmless"), [("scorecard.json", "without its end"), ("ledger.parquet", "twice")])
def test_damaged_files_of_a_trial_are_refused(folder: Path, name: str, harmless: str) -> None:
    """Except for a line break at the end of a document, and a table after another one, which counts."""
    path = folder / "1" / name
    assert outcome_of_reports(folder, path, damaged_bytes(path.read_bytes())).taken == (harmless,)


def test_text_of_others_stays_text_in_the_report(folder: Path, shell: Shell) -> None:
    for number in range(TRIALS):
        lines = f'- "module.rate=[/b]<script>|x|{number}"\n'
        (folder / str(number) / ".hydra" / "overrides.yaml").write_text(lines)
    (folder / "4").rename(folder / "[b]**4**")
    done = shell.tools("sweep", "report", str(folder))
    assert done.status == STATUS_FINE, done.err
    text = (folder / "sweep_report.md").read_text()
    assert "<script" not in text.replace("\\<script", "") and "**4**" not in text.replace("\\*\\*4\\*\\*", "")


@pytest.mark.parametrize("trials", ["0", "-1", str(10**30)])
def test_a_declared_number_is_one_that_can_be(folder: Path, shell: Shell, trials: str) -> None:
    assert_refused(
        shell.tools("sweep", "report", str(folder), "--trials", trials),
        f"--trials={trials}: must be a whole",
    )
