"""Plans from the command line: judged with evaluate.py, and written by a model behind a real HTTP server."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rlx.backtest.plan_file import read_plans
from rlx.cli import main as rlx
from rlx.evaluate.scorecard import Scorecard
from tests.app.commands import Shell
from tests.app.test_bad_input import write_prices
from tests.backtest.by_hand import order
from tests.hostile.refusal import assert_refused_at_once

QUICK = ("policy=plan", "policy.path=plans", "protocol.bootstrap_replications=200")
DAY = "2020-03-02"
PLAN = {"target_date": DAY, "instructions": [order("AAPL", "buy", 10), order("AAPL", "exit", None, "close")]}


def write(folder: Path, day: str, *orders: dict[str, Any]) -> None:
    (folder / "plans").mkdir(exist_ok=True)
    (folder / "plans" / f"{day}.json").write_text(json.dumps({"target_date": day, "instructions": orders}))


def test_plans_are_judged_and_documented(shell: Shell) -> None:
    write(shell.folder, "2020-03-02", order("AAPL", "buy", 100), order("SPY", "buy", 50, "close"))
    write(shell.folder, "2020-03-05", order("AAPL", "exit"))
    write(shell.folder, "2020-03-10", order("SPY", "sell", 20))
    finished = shell.evaluate(*QUICK, "data=sample_daily", "hydra.run.dir=run")
    assert finished.status == 0, finished.err
    assert "protocol.window_steps=42: 9 decision(s) are judged, so windows have 9 steps" in finished.out + finished.err
    run = shell.folder / "run"
    card = Scorecard.load(run / "scorecard.json")
    assert card.module == card.policy["kind"] == "plan"
    assert card.policy["plans_on_market"] == 3
    assert card.key["windows"]["holdout"]["first"].startswith("2020-03-02")
    document = json.loads((run / "plan_replay.json").read_text())
    assert document["totals"]["net_pnl"] == card.policy["replay_net_pnl"]
    assert document["settings"]["fee_bps_by_symbol"]["SPY"] == pytest.approx(5.0)  # those of costs=flat_5bps
    assert document["monte_carlo"]["resampling"]["paths"] == 1000
    assert (run / "plan_replay.md").read_text().startswith("# Replay of 3 plan(s), 2020-03-02 to 2020-03-13")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([], ["policy.path=plans", "no such file or folder"]),
        (["policy.strategy=maxdif"], ["policy.strategy=maxdif", "Did you mean 'maxdiff'"]),
        (["policy.strateg=base"], ["policy.strateg", "Did you mean 'strategy'"]),
        (["policy.initial_cash=-1"], ["policy.initial_cash=-1.0"]),
        (["policy.probe_quantity=many"], ["policy.probe_quantity", "many"]),
    ],
)
def test_invalid_settings(shell: Shell, arguments: list[str], parts: list[str]) -> None:
    assert_refused_at_once(shell.evaluate(*QUICK, *arguments), *parts)


@pytest.mark.parametrize(
    ("orders", "arguments", "parts"),
    [
        ([order("APPL", "buy", 1)], [], ["instruction 1", "APPL", "Did you mean 'AAPL'"]),
        ([order("AAPL", "buy", -1)], [], ["instruction 1", "quantity=-1"]),
        ([order("AAPL", "buy", 1)], ["policy.strategy=maxdiff"], ["entry_price is missing"]),
        (
            [order("AAPL", "buy", 1)],
            ["data=folder", "data.path=prices", "data.close_only=true"],
            ["prices has no open, high, low", "not invented"],
        ),
        ([order("AAPL", "buy", 1)], ["data=sample_hourly"], ["1h bars", "daily"]),
        ([order("AAPL", "buy", 1)], ["data.end=2019-12-31"], ["no overlap"]),
    ],
)
def test_plans_that_cannot_be_replayed(
    shell: Shell, orders: list[dict[str, Any]], arguments: list[str], parts: list[str]
) -> None:
    write(shell.folder, DAY, *orders)
    (shell.folder / "prices").mkdir()
    write_prices(shell.folder / "prices" / "AAPL.csv")
    assert_refused_at_once(shell.evaluate(*QUICK, *arguments), *parts)


class Server(ThreadingHTTPServer):
    """Waits for its answers when it closes, and does not report clients that do not wait."""

    daemon_threads = False

    def handle_error(self, *_: Any) -> None:
        """Keep the tests' output clean."""


class Stub:
    """A chat completions server on this machine; ``answer`` returns status and body for a request."""

    def __init__(self) -> None:
        self.answer: Callable[[], tuple[int, str]] = lambda: completion(json.dumps(PLAN))
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                stub.asked.append((self.path, self.headers["Authorization"], body))
                status, text = stub.answer()
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: Any) -> None:
                """Keep the tests' output clean."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"


def completion(content: Any, refusal: str | None = None, **of_choice: Any) -> tuple[int, str]:
    message = {"role": "assistant", "content": content, "refusal": refusal}
    return 200, json.dumps({"choices": [{"message": message, **of_choice}]})


def wrong(**changes: Any) -> str:
    return json.dumps(PLAN | changes)


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Stub]:
    served = Stub()
    thread = threading.Thread(target=served.server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.chdir(tmp_path)
    for name, value in (("BASE_URL", served.url + "/"), ("API_KEY", "sk-secret"), ("MODEL", "a-model")):
        monkeypatch.setenv(f"RLX_PLAN_{name}", value)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield served
    served.server.shutdown()
    thread.join()
    served.server.server_close()


def generate(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        rlx(["plan", "generate", *arguments])
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


def test_a_plan_is_asked_for_and_written(stub: Stub, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, out, err = generate(capsys, DAY, "--symbols", "SPY,AAPL", "--bars", "5", "--cash", "5000")
    assert (status, err, out) == (0, "", f"Plan: plans/{DAY}.json\n")
    assert {path.name for path in (tmp_path / "plans").iterdir()} == {f"{DAY}.json", f"{DAY}.answer.json"}
    assert (tmp_path / "plans" / f"{DAY}.answer.json").read_text() == stub.answer()[1]
    (plan,) = read_plans(tmp_path / "plans")
    assert [one.action.value for one in plan.instructions] == ["buy", "exit"]
    ((path, key, body),) = stub.asked
    assert (path, key, body["model"]) == ("/v1/chat/completions", "Bearer sk-secret", "a-model")
    question = body["messages"][-1]["content"]
    assert f"target_date: {DAY}\ncash: 5000\nsymbols: SPY, AAPL\n" in question
    rows = [line.split(",") for line in question.splitlines() if line.startswith(("SPY,", "AAPL,"))]
    days = ["2020-02-24", "2020-02-25", "2020-02-26", "2020-02-27", "2020-02-28"]  # the last before 2 March
    assert [row[1][:10] for row in rows] == days * 2


def test_no_bar_of_the_day_or_after_is_shown(stub: Stub, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Change every price from the target date on: the question stays the same to the last character."""
    from rlx.data.sources import sample

    panel = sample("daily9", ["SPY", "AAPL"], "2020-01-01", "2020-04-30")
    for name, factor in (("as_it_was", 1.0), ("changed", 1.3)):
        (tmp_path / name).mkdir()
        for column, symbol in enumerate(panel.symbols):
            lines = ["date,open,high,low,close,volume"]
            for row, stamp in enumerate(panel.timestamps):
                times = factor if str(stamp)[:10] >= DAY else 1.0
                fields = (panel.open, panel.high, panel.low, panel.close)
                prices = [f"{part[row, column] * times:.4f}" for part in fields if part is not None]
                lines.append(",".join([str(stamp)[:10], *prices, "1000"]))
            (tmp_path / name / f"{symbol}.csv").write_text("\n".join(lines) + "\n")
        status, _, err = generate(capsys, DAY, "--data", name, "--bars", "8", "--out", f"{name}.json")
        assert status == 0, err
    assert stub.asked[0] == stub.asked[1]
    assert "2020-02-28" in str(stub.asked[0]) and "2020-03-03" not in str(stub.asked[0])


@pytest.mark.parametrize(
    "content",
    [
        f"Here it is:\n```json\n{json.dumps(PLAN)}\n```\nGood luck.",
        f"```\n{json.dumps(PLAN)}\n```",
        json.dumps({"plan": PLAN}),
        f"```JSON\r\n{json.dumps(PLAN)}\r\n```",
        f"Sure! For {{AAPL}} and {{SPY}} I would do {json.dumps(PLAN, indent=1)} - good luck {{you}}.",
        f"<think>Say {json.dumps(PLAN | {'target_date': '2020-03-09'})}? No.</think>\n{json.dumps(PLAN)}",
        f"a thought without its beginning {{</THINK>```json\n{json.dumps(PLAN)}```",
        json.dumps(PLAN | {"metadata": "no <think> here"}),
        [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": json.dumps(PLAN)}],
        [json.dumps(PLAN)[:30], {"type": "text", "text": json.dumps(PLAN)[30:]}],
        f"{json.dumps(PLAN)} Once more: {json.dumps(PLAN, indent=2)}",
    ],
)
def test_an_answer_may_be_wrapped(stub: Stub, capsys: pytest.CaptureFixture[str], tmp_path: Path, content: Any) -> None:
    stub.answer = lambda: completion(content)
    assert generate(capsys, DAY, "--out", "mine.json")[0] == 0
    assert len(read_plans(tmp_path / "mine.json")[0].instructions) == 2


@pytest.mark.parametrize(
    ("answer", "parts"),
    [
        ((500, "overloaded"), ["answered with status 500", "overloaded"]),
        ((401, "{}"), ["status 401", "Check RLX_PLAN_API_KEY"]),
        ((404, "no such model"), ["status 404", "Check RLX_PLAN_BASE_URL and RLX_PLAN_MODEL"]),
        ((302, ""), ["answered with status 302"]),
        ((200, "<html>hello</html>"), ["is not a chat completion", "<html>hello"]),
        ((200, '{"error": "quota"}'), ["is not a chat completion", "quota"]),
        ((200, '{"choices": []}'), ["is not a chat completion"]),
        (completion(None), ["has no text"]),
        (completion(7), ["has no text"]),
        (completion([]), ["has no text"]),
        (completion("I cannot help with that."), ["the model's answer", "not a JSON document"]),
        (completion("<think>what should I"), ["has only thoughts"]),
        (completion('```json\n{"target_date": "2020\n```'), ["not a JSON document", "control character"]),
        (completion(json.dumps(PLAN) + wrong(target_date="2020-03-03")), ["has 2 different plans"]),
        (completion(wrong(metadata=float("nan"))), ["NaN is not a JSON number"]),
        (completion("{" * 100_000), ["the model's answer", "not a JSON document"]),
        (completion('{"a":' * 100_000 + "1" + "}" * 100_000), ["nests more than 50 levels deep"]),
        (
            (200, '{"a":' * 100_000 + "1" + "}" * 100_000),
            ["is not a chat completion", "nests more than 50 levels deep"],
        ),
        (completion("cut", finish_reason="length"), ["cut off (finish_reason: length)", "--symbols"]),
        (completion("", finish_reason="length"), ["has no text", "cut off (finish_reason: length)"]),
        (completion("", finish_reason="content_filter"), ["finish_reason: 'content_filter'"]),
        (completion(None, refusal="I will not"), ["has no text: 'I will not'"]),
        (completion(wrong(instructions=[])), ["the model's answer", "instructions=[]"]),
        (completion(wrong(instructions=[order("AAPL", "buy", -1)])), ["instruction 1: quantity=-1"]),
        (completion(wrong(target_date="2020-03-03")), ["target_date=2020-03-03", f"the request was for {DAY}"]),
        (completion(wrong(instructions=[order("APPL", "buy", 1)])), ["'APPL' was not shown", "Did you mean 'AAPL'"]),
    ],
)
def test_an_answer_that_is_no_plan_is_one_error_and_no_file(
    stub: Stub, capsys: pytest.CaptureFixture[str], tmp_path: Path, answer: tuple[int, str], parts: list[str]
) -> None:
    stub.answer = lambda: answer
    status, out, err = generate(capsys, DAY)
    assert (status, out) == (2, "")
    assert err.startswith("Error: ") and err.count("\n") == 1
    assert all(part in err for part in parts), err
    assert "sk-secret" not in err
    assert len(stub.asked) == 1
    kept = [] if answer[0] != 200 else [f"{DAY}.answer.json"]
    assert [path.name for path in tmp_path.glob("plans/*")] == kept  # what was paid for
    assert all((tmp_path / "plans" / name).read_text() == answer[1] and name in err for name in kept)


def test_a_missing_server(stub: Stub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLX_PLAN_BASE_URL", "http://127.0.0.1:9/v1")
    status, _, err = generate(capsys, DAY)
    assert status == 2 and "cannot be reached" in err and "Check RLX_PLAN_BASE_URL" in err


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("BASE_URL", None, "RLX_PLAN_BASE_URL: not set. Set it to the address"),
        ("API_KEY", None, "RLX_PLAN_API_KEY: not set."),
        ("MODEL", " ", "RLX_PLAN_MODEL: not set."),
        ("BASE_URL", "file:///etc/passwd", "must begin with http"),
        ("BASE_URL", "localhost:80", "must begin with http"),
        ("API_KEY", "sk\nX: y", "RLX_PLAN_API_KEY: contains characters that no key has."),
    ],
)
def test_variables_that_are_missing_or_wrong(
    stub: Stub,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str | None,
    part: str,
) -> None:
    if value is None:
        monkeypatch.delenv(f"RLX_PLAN_{name}")
    else:
        monkeypatch.setenv(f"RLX_PLAN_{name}", value)
    status, _, err = generate(capsys, DAY)
    assert status == 2 and part in err and "X: y" not in err and not stub.asked


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["tomorrow"], "DATE 'tomorrow': must be a day"),
        (["2020-W10-1"], "DATE '2020-W10-1': must be a day"),
        (["0001-01-01"], "has 0 bars before 0001-01-01"),
        ([DAY, "--bars", "1"], "--bars=1: must be a whole number between 2 and 10000."),
        ([DAY, "--bars", "1" * 30], ": must be a whole number between 2 and 10000"),
        ([DAY, "--bars", "9999"], "has 1957 bars before 2020-03-02"),
        (["2012-05-18"], "has 0 bars before"),
        ([DAY, "--symbols", "APPL"], "Did you mean 'AAPL'"),
        ([DAY, "--data", "nowhere"], "nowhere"),
        ([DAY, "--cash", "nan"], "--cash=nan"),
        ([DAY, "--cash", "inf"], "--cash=inf"),
        ([DAY, "--cash", "1e308"], "--cash=1e+308: must be between 0.01 and 1e+15"),
        ([DAY, "--symbols", "AAPL,,SPY"], "--symbols 'AAPL,,SPY': must be names"),
        ([DAY, "--strategy", "max"], "--strategy=max: must be one of"),
        *(([DAY, "--timeout-seconds", seconds], "--timeout-seconds") for seconds in ("0", "inf", "nan", "1e308")),
        ([DAY, "--timeout-seconds=-1"], "--timeout-seconds=-1.0: must be between 0.001 and 86400."),
        *(([DAY, f"--temperature={text}"], f"--temperature {text}: must be") for text in ("hot", "nan", "-1", "1e308")),
        ([DAY, "--out", "taken"], "--out taken/2020-03-02.json: nothing can be written there (a file is in the way"),
        ([DAY, "--out", "a.answer.json"], "--out a.answer.json: names ending in .answer.json"),
    ],
)
def test_invalid_requests(
    stub: Stub, capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], part: str
) -> None:
    (tmp_path / "taken").write_text("a file")
    status, _, err = generate(capsys, *arguments)
    assert status == 2 and part in err and err.count("\n") == 1, err
    assert not stub.asked
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize(
    ("arguments", "environment", "sent"),
    [
        ([], None, 0.0),
        (["--temperature", "1"], None, 1.0),
        (["--temperature", "null"], "0.5", None),
        ([], "0.5", 0.5),
        ([], "None", None),
    ],
)
def test_the_temperature_is_a_setting(
    stub: Stub,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    environment: str | None,
    sent: float | None,
) -> None:
    if environment is not None:
        monkeypatch.setenv("RLX_PLAN_TEMPERATURE", environment)
    assert generate(capsys, DAY, *arguments)[0] == 0
    ((*_, body),) = stub.asked
    assert body.get("temperature") == sent and ("temperature" in body) == (sent is not None)


def test_a_model_that_takes_no_temperature(stub: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    stub.answer = lambda: (400, "Unsupported value: 'temperature' does not support 0 with this model.")
    assert "Leave the temperature out with --temperature null." in generate(capsys, DAY)[2]


def test_an_answer_that_was_cut_off_behind_its_plan(stub: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    stub.answer = lambda: completion(f"{json.dumps(PLAN)} Why", finish_reason="length")
    status, out, err = generate(capsys, DAY)
    assert (status, out) == (0, f"Plan: plans/{DAY}.json\n") and "cut off (finish_reason: length)" in err


def test_no_answer_is_overwritten(stub: Stub, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    stub.answer = lambda: completion("no")
    assert [generate(capsys, DAY)[0] for _ in range(2)] == [2, 2]
    stub.answer = lambda: completion(json.dumps(PLAN))
    assert generate(capsys, DAY)[0] == 0
    names = {path.name for path in (tmp_path / "plans").iterdir()}
    assert names == {f"{DAY}.json", *(f"{DAY}{number}.answer.json" for number in ("", ".2", ".3"))}
    assert len(read_plans(tmp_path / "plans")) == 1


def test_a_plan_that_is_there_is_kept(stub: Stub, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert generate(capsys, DAY)[0] == 0
    before = (tmp_path / "plans" / f"{DAY}.json").read_text()
    stub.answer = lambda: completion(wrong(instructions=[order("SPY", "hold")]))
    status, _, err = generate(capsys, DAY)
    assert status == 2 and "exists already" in err and len(stub.asked) == 1
    assert (tmp_path / "plans" / f"{DAY}.json").read_text() == before
