"""Another package's components from the command line: equal to ours while it is installed, refused if it is not."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
import torch
import yaml

from rlx.board.store import Scoreboard
from rlx.evaluate.scorecard import Scorecard
from rlx.report.markdown import render_markdown
from rlx.report.rendered import require_rendered
from rlx.run_folder import LAST
from tests.app.commands import Finished

PLUGIN = Path(__file__).parents[1] / "plugin"
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
TRAIN = "import sys; from rlx.app.start import train_main; sys.argv[0] = 'train'; train_main()"
COMMANDS = """
import json, sys
from pathlib import Path
from tests.app.commands import Shell

for name, *arguments in json.loads(sys.argv[1]):
    status = getattr(Shell(Path.cwd()), name)(*arguments).status
    for stream in (sys.stdout, sys.stderr):
        print(f"\\0{status}", file=stream, flush=True)
"""
"""Runs commands one after the other in one process, because the imports of each would take seconds."""
ROOT = Path(__file__).parents[2]
QUICK = ("logger=csv", "protocol.bootstrap_replications=100")
MIX = ("module=fixed_mix", "data.features=[return_1,range_share_5]", "trainer.monitor=val/ulcer_index", *QUICK)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that the package is installed in, from the wheel that its build creates."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(PLUGIN, folder / "source")
    build = [sys.executable, "-c", BUILD, str(folder)]
    subprocess.run(build, cwd=folder / "source", check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that all commands run in."""
    return tmp_path_factory.mktemp("work")


def environment(site: Path | None) -> dict[str, str]:
    """Return the environment of a process in which the package is installed, or is not."""
    folders = [str(ROOT)] if site is None else [str(site), str(ROOT)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}


def finished(site: Path | None, folder: Path, *commands: tuple[str, ...]) -> list[Finished]:
    """Run commands in a process in which the package is installed, or is not, and return how each ended."""
    typed = [sys.executable, "-c", COMMANDS, json.dumps(commands)]
    done = subprocess.run(typed, cwd=folder, env=environment(site), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    outs, errs = (re.split(r"\0(\d)\n", text) for text in (done.stdout, done.stderr))
    parts = zip(outs[1::2], outs[:-1:2], errs[:-1:2], strict=True)
    return [Finished(int(status), out, err, folder) for status, out, err in parts]


def ran(site: Path | None, folder: Path, *commands: tuple[str, ...]) -> list[str]:
    """Run commands that have to succeed and return what each printed."""
    ended = finished(site, folder, *commands)
    for one in ended:
        assert one.status == 0, one.out + one.err
    return [one.out + one.err for one in ended]


def error_of(refused: Finished) -> str:
    """Return the one error that a command ended with."""
    errors = [line for line in refused.err.splitlines() if line.startswith("Error: ")]
    assert refused.status == 2 and len(errors) == 1 and "Traceback" not in refused.err, refused.err
    return errors[0]


def killed_after_validations(site: Path, folder: Path, run: str) -> int:
    """Start an endless training, kill it after a few validations, and return the updates to resume from."""
    endless = ("module.n_updates=1000000", "trainer.validate_every_updates=2")
    typed = [sys.executable, "-c", TRAIN, *MIX, *endless, f"hydra.run.dir={run}"]
    metrics = folder / run / "metrics.jsonl"
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(typed, cwd=folder, env=environment(site), stdout=output, stderr=subprocess.STDOUT)
    try:
        while not metrics.exists() or metrics.read_text().count("val/ulcer_index") < 3:
            assert process.poll() is None, (folder / "output").read_text()
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    last = torch.load(folder / run / "checkpoints" / LAST, weights_only=True)
    return int(last["rlx"]["totals"]["updates"])


def assert_refused_without_the_package(folder: Path) -> None:
    """Assert that each kind of file in ``folder`` is refused in one sentence that says what is missing."""
    *refused, benchmark = finished(
        None,
        folder,
        ("evaluate", "policy=checkpoint", "policy.path=run"),
        ("tools", "audit", "run"),
        ("tools", "audit", "contrarian"),
        ("evaluate", "protocol=odd_months"),
        ("tools", "audit", "months"),
        ("train", "resume=killed"),
        ("evaluate", "protocol=benchmark", "protocol.targets=targets.yaml", "protocol.board=other.json"),
    )
    evaluated, audited, contrarian, months, audited_months, resumed = map(error_of, refused)
    for error in (evaluated, audited):
        assert "rlx-demo" in error and "not installed" in error
    assert "rlx_demo.contrarian.Contrarian" in contrarian
    assert "protocol=odd_months: no such option" in months and "installed" in audited_months
    assert "module=fixed_mix: no such option" in resumed and "need the package installed" in resumed
    assert benchmark.status == 0, benchmark.err
    failures = {entry.target: entry.failure or "" for entry in Scoreboard.load(folder / "other.json").entries}
    assert "policy='contrarian'" in failures["contrarian"]
    assert "not installed" in failures["mix"]


def test_a_session_with_another_package(site: Path, folder: Path) -> None:
    done = killed_after_validations(site, folder, "killed")
    targets = [{"policy": "contrarian", "bottom_k": 3}, {"name": "mix", "policy": "checkpoint", "path": "run"}]
    (folder / "targets.yaml").write_text(yaml.safe_dump({"targets": targets}))
    quick_audit = ("--dates", "2", "--permutations", "20")
    months = ("protocol=odd_months", "protocol.month_steps=10")
    trained, _, _, printed, _, audited, contrarian, swept, _ = ran(
        site,
        folder,
        ("train", *MIX, "module.n_updates=4", "hydra.run.dir=run"),
        ("evaluate", "policy=checkpoint", "policy.path=run", *QUICK[1:], "hydra.run.dir=again"),
        ("evaluate", "policy=contrarian", "policy.bottom_k=3", *QUICK[1:], "hydra.run.dir=contrarian"),
        ("evaluate", "policy=checkpoint", "policy.path=run", *months, "hydra.run.dir=months"),
        ("evaluate", "protocol=benchmark", "protocol.targets=targets.yaml", "protocol.board=board.json", *QUICK[1:]),
        ("tools", "audit", "run", *quick_audit),
        ("tools", "audit", "contrarian", *quick_audit),
        ("train", "-m", "+sweep=fixed_mix", *MIX, "module.n_updates=2", "hydra.sweeper.n_trials=2",
         "hydra.sweeper.direction=minimize", "hydra.sweep.dir=swept"),
        ("train", "resume=killed", f"trainer.max_updates={done + 2}", "hydra.run.dir=resumed"),
    )  # fmt: skip
    card = json.loads((folder / "run" / "scorecard.json").read_text())
    facts = json.loads((folder / "run" / "policy" / "policy.json").read_text())
    assert "fixed_mix" in trained and card["metrics"]["ulcer_index"] > 0
    assert facts["network"]["name"] == "rlx-demo:fixed_mix"
    assert "rlx-demo" in json.loads((folder / "run" / "provenance.json").read_text())["versions"]
    header = (folder / "run" / "metrics.csv").read_text().splitlines()[0].split(",")
    assert {"train/loss", "val/ulcer_index"} <= set(header)
    assert json.loads((folder / "again" / "scorecard.json").read_text())["metrics"] == card["metrics"]

    (windows,) = (folder / "run" / "evals").glob("odd_months_*/windows.csv")
    judged = require_rendered(Scorecard.load(folder / "months" / "scorecard.json"), "scorecard")
    assert judged.metrics == card["metrics"] and judged.key["windows"]["odd_months"]["steps"] == 10
    assert len(windows.read_text().splitlines()) - 1 == judged.blocks["odd_months"]["n"] > 3
    assert "## Odd months" in render_markdown(judged) and "Odd months" in printed  # without the package, too

    entries = Scoreboard.load(folder / "board.json").entries
    assert "| ulcer |" in (folder / "board.md").read_text()  # the metric is tagged for boards
    assert [entry.target for entry in entries if entry.failure is None][:2] == ["contrarian", "mix"]
    assert "PASS" in audited and "PASS" in contrarian
    assert "learning_rate" in swept and swept.count("COMPLETE") + swept.count("BEST") == 2
    resumed = json.loads((folder / "resumed" / "scorecard.json").read_text())
    assert resumed["provenance"]["resumed_from"]["updates"] == done >= 2
    assert resumed["performance"]["updates"] == done + 2
    assert_refused_without_the_package(folder)


def test_components_of_the_package_pass_our_tests(site: Path, folder: Path) -> None:
    program = (
        "from rlx.forecast.forecaster import make_forecaster\n"
        "from rlx.testing import check_feature, check_forecaster, check_learner, check_metric, check_policy\n"
        "from rlx.testing import check_protocol\n"
        "from rlx_demo.contrarian import Contrarian; from rlx_demo.features import RANGE_SHARE\n"
        "from rlx_demo.metrics import ULCER_INDEX; from rlx_demo.fixed_mix_config import FixedMixConfig\n"
        "from rlx_demo.odd_months import OddMonths\n"
        "check_policy(Contrarian(lookback_steps=20)); check_feature(RANGE_SHARE); check_metric(ULCER_INDEX)\n"
        "check_forecaster(make_forecaster('climatology', lookback_steps=60))\n"
        "check_learner(FixedMixConfig(n_updates=2)); check_protocol(OddMonths(bootstrap_replications=100))\n"
    )
    typed = [sys.executable, "-c", program]
    done = subprocess.run(typed, cwd=folder, env=environment(site), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


BROKEN = {
    "contrarian.py": ("policy contrarian", "raise RuntimeError('out of date')", "RuntimeError: out of date"),
    "fixed_mix_config.py": ("module fixed_mix", "import sys; sys.exit(3)", "SystemExit: 3"),
    "metrics.py": ("metric ulcer_index", "ULCER_INDEX = 3", "has no name, unit, meaning, better, compute, tags"),
    "features.py": ("feature range_share", "RANGE_SHARE = None", "has no compute, needs, extra_bars, minimum"),
    "odd_months.py": ("protocol odd_months", "OddMonths = 3", "has no __dataclass_fields__, name, evaluation_only"),
    "fixed_mix_network.py": ("network fixed_mix", "class FixedMix: allocate = None", "has no arguments"),
}


def test_what_is_broken_of_a_package_is_left_out_with_a_warning(site: Path, folder: Path) -> None:
    broken = folder / "broken"
    shutil.copytree(site, broken)
    for name, (_, text, _) in BROKEN.items():
        (broken / "rlx_demo" / name).write_text(f"{text}\n")
    program = (
        "import logging; from rlx import registry; from rlx.app.start import evaluate_main; evaluate_main()\n"
        "for group in registry.GROUPS: registry.loaded(group)\n"
        "for asked in (('policy', 'contrarian'), ('network', 'rlx-demo:fixed_mix')):\n"
        "    print(registry.find(*asked), registry.unknown(*asked))\n"
    )
    typed = [sys.executable, "-c", program, "policy=cash", *QUICK[1:]]
    done = subprocess.run(typed, cwd=folder, env=environment(broken), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    warnings = [line for line in (done.stdout + done.stderr).splitlines() if "package rlx-demo: its" in line]
    assert len(warnings) == len(BROKEN), warnings
    assert done.stdout.count("None the package rlx-demo has it, but it is unusable") == 2
    for what, _, reason in BROKEN.values():
        assert [line for line in warnings if f"its {what} is skipped: " in line and reason in line], (what, warnings)
