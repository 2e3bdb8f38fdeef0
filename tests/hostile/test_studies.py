"""Damaged studies and sweep folders: ``rlx sweep report`` and a continued sweep say what is wrong, and end."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from hydra_plugins.rlx_optuna._held import holding, read_held, write_record
from hydra_plugins.rlx_optuna._record import read_record
from hydra_plugins.rlx_optuna._storage import Place, opened
from rlx.app.sweep_report import report_on
from rlx.app.sweeps import _on_its_scorecard, _other_sharpes, sweep_of
from rlx.data.splits import Span
from rlx.errors import RlxError
from rlx.evaluate.config import Protocol
from rlx.evaluate.judge import judge
from rlx.evaluate.ledger_file import write_ledger
from rlx.evaluate.scorecard import Scorecard
from rlx.plain import write_text
from tests.app.commands import Shell
from tests.evaluate.players import FREE, Player, random_market
from tests.hostile.damage import damaged_bytes, damaged_documents, odd_json
from tests.hostile.refusal import STATUS_FINE, assert_refused, contents

TRIALS = 5


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


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Return a place to type commands in."""
    return Shell(tmp_path, capsys)


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


def check_study(folder: Path, what: str, data: bytes) -> None:
    """Read and continue a damaged study: what is wrong is an RlxError, and reading leaves the file as it is."""
    (folder / "study.db").write_bytes(data)
    with contextlib.suppress(RlxError):
        read_held(folder)
    assert (folder / "study.db").read_bytes() == data, what
    assert sweep_of(folder / "0") is not None, what  # the record counts
    with contextlib.suppress(RlxError), opened(Place.of(None, folder)) as storage:
        study = optuna.create_study(study_name="rlx", storage=storage, load_if_exists=True)
        holding(study)
        study.tell(study.ask(), 1.0)


def test_damaged_studies_are_an_error_of_ours(folder: Path, tmp_path: Path) -> None:
    data = (folder / "study.db").read_bytes()
    for what, damaged in [*damaged_bytes(data), *foreign(tmp_path)]:
        check_study(folder, what, damaged)


@pytest.mark.slow
def test_every_damaged_study_is_an_error_of_ours(folder: Path) -> None:
    for what, damaged in flipped((folder / "study.db").read_bytes()):
        check_study(folder, what, damaged)


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


def check_report(folder: Path, what: str) -> bool:
    """Report on a folder, which either works or is refused in one message; return whether it works."""
    said = None
    try:
        report_on(folder, blocks=2)
    except RlxError as error:
        said = str(error)
    assert said is None or (said and "\n" not in said), what
    return said is None


def test_damaged_records_and_overrides_are_refused_or_do_not_matter(folder: Path) -> None:
    for path in (folder / "study.json", folder / "1" / ".hydra" / "overrides.yaml"):
        before = path.read_bytes()
        for what, damaged in damaged_bytes(before):
            path.write_bytes(damaged)
            check_report(folder, f"{path.name}: {what}")
        for what, text in odd_json(before.decode()):
            path.write_text(text)
            check_report(folder, f"{path.name}: {what}")
        path.write_bytes(before)
    record = json.loads((folder / "study.json").read_text())
    for what, document in damaged_documents(record):
        (folder / "study.json").write_text(json.dumps(document))
        with contextlib.suppress(RlxError):
            read_record(folder)
            _ = what.startswith(("file", "study_name")) and read_held(folder)


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
    refused = 0
    for _, key in damaged_documents({name: card["key"][name] for name in used}):
        path.write_text(json.dumps({**card, "key": {**card["key"], **key} if isinstance(key, dict) else key}))
        with contextlib.suppress(RlxError):
            Scorecard.load(path)
            refused -= 1
        refused += 1
    assert refused > 50
    path.write_text(json.dumps({**card, "key": None}))
    assert_refused(shell.tools("sweep", "report", str(folder)), "scorecard", str(path))


@pytest.mark.slow
def test_every_damaged_scorecard_is_refused_or_does_not_matter(folder: Path) -> None:
    path = folder / "1" / "scorecard.json"
    before = path.read_text()
    for _, document in damaged_documents(json.loads(before)):
        path.write_text(json.dumps(document))
        with contextlib.suppress(RlxError):
            Scorecard.load(path)
        _other_sharpes(folder / "0")
        _on_its_scorecard(folder / "1")
    for what, data in damaged_bytes(before.encode()):
        path.write_bytes(data)
        check_report(folder, what)


def test_damaged_ledgers_are_refused(folder: Path) -> None:
    path = folder / "1" / "ledger.parquet"
    before = path.read_bytes()
    for what, damaged in damaged_bytes(before):
        path.write_bytes(damaged)
        check_report(folder, what)


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
