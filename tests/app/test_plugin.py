"""Another package's components from the command line: as good as ours while it is installed, refused when not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
import yaml

from rlx.board.store import Scoreboard
from rlx.evaluate.scorecard import Scorecard
from rlx.report.markdown import render_markdown
from rlx.report.rendered import require_rendered

PLUGIN = Path(__file__).parents[1] / "plugin"
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
PROGRAM = "import sys; from rlx.app.start import {main}; sys.argv[0] = '{main}'; {main}()"
TOOLS = "from rlx.cli import main; main()"
QUICK = ("logger=csv", "protocol.bootstrap_replications=100")
MIX = ("module=fixed_mix", "data.features=[return_1,range_share_5]", "trainer.monitor=val/ulcer_index", *QUICK)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that the package is installed in, from the wheel that its own build makes."""
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
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return plain if site is None else {**plain, "PYTHONPATH": str(site)}


def command(main: str, *arguments: str) -> list[str]:
    program = TOOLS if main == "tools" else PROGRAM.format(main=f"{main}_main")
    return [sys.executable, "-c", program, *arguments]


def ran(site: Path | None, folder: Path, main: str, *arguments: str) -> str:
    """Run a command that has to succeed and return what it printed."""
    typed = command(main, *arguments)
    done = subprocess.run(typed, cwd=folder, env=environment(site), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def refusal(folder: Path, main: str, *arguments: str) -> str:
    """Run a command without the package and return the one error it ends with."""
    typed = command(main, *arguments)
    done = subprocess.run(typed, cwd=folder, env=environment(None), capture_output=True, text=True, check=False)
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert done.returncode == 2 and len(errors) == 1 and "Traceback" not in done.stderr, done.stderr
    return errors[0]


def killed_after_validations(site: Path, folder: Path, run: str) -> None:
    """Start an endless training and kill it once it has validated a few times."""
    endless = ("module.n_updates=1000000", "trainer.validate_every_updates=2")
    typed = command("train", *MIX, *endless, f"hydra.run.dir={run}")
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


def assert_refused_without_the_package(folder: Path) -> None:
    """Assert that each kind of file in ``folder`` is refused in one sentence that says what is missing."""
    for refused in (
        refusal(folder, "evaluate", "policy=checkpoint", "policy.path=run"),
        refusal(folder, "tools", "audit", "run"),
    ):
        assert "rlx-demo" in refused and "not installed" in refused
    assert "rlx_demo.contrarian.Contrarian" in refusal(folder, "tools", "audit", "contrarian")
    assert "protocol=odd_months: no such option" in refusal(folder, "evaluate", "protocol=odd_months")
    assert "installed" in refusal(folder, "tools", "audit", "months")
    resumed = refusal(folder, "train", "resume=killed")
    assert "module=fixed_mix: no such option" in resumed and "need the package installed" in resumed
    ran(None, folder, "evaluate", "protocol=benchmark", "protocol.targets=targets.yaml", "protocol.board=other.json")
    failures = {entry.target: entry.failure or "" for entry in Scoreboard.load(folder / "other.json").entries}
    assert "policy='contrarian'" in failures["contrarian"]
    assert "not installed" in failures["mix"]


def test_a_session_with_another_package(site: Path, folder: Path) -> None:
    trained = ran(site, folder, "train", *MIX, "module.n_updates=4", "hydra.run.dir=run")
    card = json.loads((folder / "run" / "scorecard.json").read_text())
    facts = json.loads((folder / "run" / "policy" / "policy.json").read_text())
    assert "fixed_mix" in trained and card["metrics"]["ulcer_index"] > 0
    assert facts["network"]["name"] == "rlx-demo:fixed_mix"
    assert "rlx-demo" in json.loads((folder / "run" / "provenance.json").read_text())["versions"]
    header = (folder / "run" / "metrics.csv").read_text().splitlines()[0].split(",")
    assert {"train/loss", "val/ulcer_index"} <= set(header)

    ran(site, folder, "evaluate", "policy=checkpoint", "policy.path=run", *QUICK[1:], "hydra.run.dir=again")
    again = json.loads((folder / "again" / "scorecard.json").read_text())
    assert again["metrics"] == card["metrics"]
    ran(site, folder, "evaluate", "policy=contrarian", "policy.bottom_k=3", *QUICK[1:], "hydra.run.dir=contrarian")

    months = ("protocol=odd_months", "protocol.month_steps=10")
    printed = ran(site, folder, "evaluate", "policy=checkpoint", "policy.path=run", *months, "hydra.run.dir=months")
    (windows,) = (folder / "run" / "evals").glob("odd_months_*/windows.csv")
    judged = require_rendered(Scorecard.load(folder / "months" / "scorecard.json"), "scorecard")
    assert judged.metrics == card["metrics"] and judged.key["windows"]["odd_months"]["steps"] == 10
    assert len(windows.read_text().splitlines()) - 1 == judged.blocks["odd_months"]["n"] > 3
    assert "## Odd months" in render_markdown(judged) and "Odd months" in printed  # without the package, too

    targets = [{"policy": "contrarian", "bottom_k": 3}, {"name": "mix", "policy": "checkpoint", "path": "run"}]
    (folder / "targets.yaml").write_text(yaml.safe_dump({"targets": targets}))
    board = ("protocol=benchmark", "protocol.targets=targets.yaml", "protocol.board=board.json", *QUICK[1:])
    ran(site, folder, "evaluate", *board)
    entries = Scoreboard.load(folder / "board.json").entries
    assert "| ulcer |" in (folder / "board.md").read_text()  # the metric is tagged for boards
    assert [entry.target for entry in entries if entry.failure is None][:2] == ["contrarian", "mix"]

    for judged in ("run", "contrarian"):
        assert "PASS" in ran(site, folder, "tools", "audit", judged, "--dates", "2", "--permutations", "20")

    swept = ran(site, folder, "train", "-m", "+sweep=fixed_mix", *MIX, "module.n_updates=2", "hydra.sweeper.n_trials=2",
                "hydra.sweeper.direction=minimize",
                "hydra.sweep.dir=swept")  # fmt: skip
    assert "learning_rate" in swept and swept.count("COMPLETE") + swept.count("BEST") == 2

    killed_after_validations(site, folder, "killed")
    ran(site, folder, "train", "resume=killed", "trainer.max_minutes=0.02", "hydra.run.dir=resumed")
    assert (folder / "resumed" / "scorecard.json").exists()
    assert_refused_without_the_package(folder)


def test_what_the_package_has_keeps_our_promises(site: Path, folder: Path) -> None:
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
    )
    typed = [sys.executable, "-c", program, "policy=cash", *QUICK[1:]]
    done = subprocess.run(typed, cwd=folder, env=environment(broken), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = [line for line in (done.stdout + done.stderr).splitlines() if "package rlx-demo" in line]
    assert len(told) == len(BROKEN), told
    for group, name in (("policy", "contrarian"), ("network", "rlx-demo:fixed_mix")):
        asked = [sys.executable, "-c", f"from rlx import registry; print(registry.find({group!r}, {name!r}),"
                 f" registry.unknown({group!r}, {name!r}))"]  # fmt: skip
        answer = subprocess.run(asked, env=environment(broken), capture_output=True, text=True, check=True)
        assert "None the package rlx-demo has it, and it cannot be used" in answer.stdout
    for what, _, reason in BROKEN.values():
        assert [line for line in told if f"its {what} is skipped: " in line and reason in line], (what, told)
