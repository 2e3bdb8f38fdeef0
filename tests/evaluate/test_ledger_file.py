"""The ledger as Parquet: readable by other tools, and read back bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from rlx.data.splits import Span
from rlx.errors import RlxError
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.ledger_file import read_ledger, write_ledger
from rlx.evaluate.windows import holdout_windows, start_index_windows
from rlx.measures.evaluation import Evaluation
from rlx.sim.ledger import SCALARS, Ledger
from tests.evaluate.players import GUARDED, random_market, state_dependent


@pytest.fixture
def evaluation() -> Evaluation:
    sets = [start_index_windows(Span(10, 30), 5), holdout_windows(Span(10, 30))]
    return evaluate(state_dependent(), random_market(), sets, GUARDED)


def test_one_row_per_window_and_step(evaluation: Evaluation, tmp_path: Path) -> None:
    write_ledger(tmp_path / "ledger.parquet", evaluation)
    table = pq.read_table(tmp_path / "ledger.parquet")
    assert table.num_rows == 16 * 5 + 20
    leading = ["set", "window", "step", "bar", "timestamp", "end_timestamp"]
    weights = [f"{prefix}_S{i}" for prefix in ("weight", "executed") for i in range(3)]
    assert table.column_names == [*leading, *SCALARS, *weights]
    assert str(table.schema.field("timestamp").type) == "timestamp[ns, tz=UTC]"
    rows = table.to_pandas()
    row = rows[(rows["set"] == "windows") & (rows.window == 3) & (rows.step == 2)].iloc[0]
    ledger = evaluation.sets["windows"].ledger
    assert row.net_return == ledger.net_return[3, 2]
    assert row.weight_S1 == ledger.closing_weights[3, 2, 1]
    assert row.executed_S2 == ledger.executed_weights[3, 2, 2]
    assert row.bar == 15
    assert pq.ParquetFile(tmp_path / "ledger.parquet").metadata.row_group(0).column(0).compression == "ZSTD"


def test_it_reads_back_bit_for_bit(evaluation: Evaluation, tmp_path: Path) -> None:
    write_ledger(tmp_path / "ledger.parquet", evaluation)
    back = read_ledger(tmp_path / "ledger.parquet")
    assert set(back) == {"holdout", "windows"}
    for name, windows in evaluation.sets.items():
        for quantity in Ledger.names():
            read, written = getattr(back[name].ledger, quantity), getattr(windows.ledger, quantity)
            np.testing.assert_array_equal(read, written, err_msg=quantity)
            assert read.dtype == written.dtype
        np.testing.assert_array_equal(back[name].starts, windows.starts)
        np.testing.assert_array_equal(back[name].timestamps, windows.timestamps)
        np.testing.assert_array_equal(back[name].end_timestamps, windows.end_timestamps)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RlxError, match="no such file"):
        read_ledger(tmp_path / "ledger.parquet")
    (tmp_path / "ledger.parquet").write_text("hello")
    with pytest.raises(RlxError, match="not a Parquet file"):
        read_ledger(tmp_path / "ledger.parquet")
