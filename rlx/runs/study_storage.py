"""Where a study is stored, and how it is opened; every problem of a storage becomes one message."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import optuna
from optuna.storages import RDBStorage
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from rlx.errors import FileError, RlxError
from rlx.runs.study import STUDY
from rlx.untrusted.escape import one_line
from rlx.untrusted.secret import hide, hide_query

OPTUNA_TABLES = {"studies", "trials", "version_info"}
SQLITE_MAGIC = b"SQLite format 3\0"


class Place(NamedTuple):
    """A storage: its URL, its SQLite file (None for any other kind), and the URL as ``shown``, without its password.

    A file is opened by its path: in a URL, its name could not contain ``?``, ``%`` or braces.
    """

    url: str
    file: Path | None
    shown: str

    @classmethod
    def of(cls, storage: str | None, folder: Path) -> Place:
        """Return the place of ``hydra.sweeper.storage``, by default ``study.db`` in the sweep's folder."""
        if storage is None:
            file = folder / STUDY
            return cls(f"sqlite:///{file}", file, str(file))
        try:
            url = make_url(storage)
        except (SQLAlchemyError, ValueError) as error:
            account, at, rest = storage.rpartition("@")  # even an invalid URL may contain a password
            reason = one_line(error).replace(account, "[hidden]") if account else one_line(error)
            raise RlxError(
                f"hydra.sweeper.storage={f'[hidden]@{rest}' if at else rest}: not the URL of a database ({reason}). A "
                "file is given as sqlite:///PATH; null is study.db in the sweep's folder."
            ) from error
        on_disk = url.get_backend_name() == "sqlite" and not url.query and url.database not in (None, "", ":memory:")
        shown = hide_query(url.render_as_string(hide_password=True))
        return cls(storage, Path(str(url.database)) if on_disk else None, shown)


@contextmanager
def opened(place: Place) -> Iterator[RDBStorage]:
    """Yield a storage to run trials in, created if missing; RlxError for every problem, also inside the block."""
    if place.file is not None and place.file.exists() and check_file(place.file, may_be_empty=True):
        _refuse_damage(place.file)
    storage = None
    try:
        storage = _connect(place, make=True)
        yield storage
    except (SQLAlchemyError, optuna.exceptions.OptunaError) as error:
        raise _broken(place.shown, error) from error
    finally:
        if storage is not None:
            _close(storage)


@contextmanager
def opened_to_read(file: Path) -> Iterator[RDBStorage]:
    """Yield the storage of an existing file, which is not changed; RlxError for every problem."""
    check_file(file)
    with _reading(file) as storage:
        yield storage


@contextmanager
def _reading(file: Path) -> Iterator[RDBStorage]:
    """Yield the storage of a file that passed ``check_file``."""
    storage, verbosity = None, optuna.logging.get_verbosity()
    try:
        storage = _connect(Place(f"sqlite:///{file}", file, str(file)), make=False)
        optuna.logging.set_verbosity(optuna.logging.ERROR)  # it logs an error before raising it
        yield storage
    except RlxError:
        raise
    except Exception as error:  # a damaged database can make Optuna and SQLAlchemy raise anything
        raise _broken(str(file), error) from error
    finally:
        optuna.logging.set_verbosity(verbosity)
        if storage is not None:
            _close(storage)


def _refuse_damage(file: Path) -> None:
    """Read everything in a database, so that damage is found before a trial runs."""
    with _reading(file) as storage:
        for name in optuna.get_all_study_names(storage):
            study = optuna.load_study(study_name=name, storage=storage)
            study.get_trials(deepcopy=False)
            _ = study.user_attrs, study.direction


def check_file(file: Path, may_be_empty: bool = False) -> bool:
    """Return whether a file is a database of Optuna; FileError otherwise, unless it is empty and may be."""
    if not file.is_file():
        raise FileError(f"{one_line(file)}: no such file, or not a regular file.")
    with file.open("rb") as stream:
        head = stream.read(len(SQLITE_MAGIC))
    if not head and may_be_empty:
        return False
    if head != SQLITE_MAGIC:
        raise FileError(f"{file}: not an SQLite database, so it has no study. {_remedy()}")
    try:
        tables = _tables(file)
    except (sqlite3.Error, ValueError) as error:  # ValueError for names that are not text
        raise _broken(str(file), error) from error
    if not tables >= OPTUNA_TABLES and not (may_be_empty and not tables):
        raise FileError(f"{file}: a database of another kind, without an Optuna study. {_remedy()}")
    return bool(tables)


def _tables(file: Path) -> set[str]:
    """Return the names of a database's tables; not of views, which can be made to compute without end."""
    connection = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)
    try:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    finally:
        connection.close()


def _connect(place: Place, make: bool) -> RDBStorage:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        if place.file is None:
            return RDBStorage(place.url)
        uri = f"{place.file.resolve().as_uri()}?mode={'rwc' if make else 'rw'}"
        engine = {
            "creator": lambda: sqlite3.connect(uri, uri=True, check_same_thread=False),
            "poolclass": QueuePool,  # SQLAlchemy's choice for files; the bare URL looks to it like a database in memory
        }
        return RDBStorage("sqlite://", engine, skip_table_creation=not make)
    except Exception as error:  # of the driver, SQLAlchemy, Alembic or Optuna
        raise _broken(place.shown, error) from error


def _close(storage: RDBStorage) -> None:
    storage.remove_session()
    storage.engine.dispose()


def _broken(shown: str, error: Exception) -> RlxError:
    cause = getattr(error, "orig", None) or error.__cause__ or error  # the message without the statement
    reason = hide(one_line(cause), "") or type(cause).__name__
    return FileError(f"{shown}: the storage of the study cannot be used ({reason[:300]}). {_remedy()}")


def _remedy() -> str:
    return "Restore the right one, or name another with hydra.sweeper.storage."
