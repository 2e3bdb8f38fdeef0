"""Play a subject eager and compiled, and describe the comparison as an entry of the record."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import torch

from rlx.app.compile_check import FORECASTER, MODULE, SIMULATOR, CheckOptions, Composed
from rlx.app.compile_forecaster import ForecastBars
from rlx.app.compile_subjects import SimulatedPaths, TrainedModule
from rlx.app.guards import settle_guard
from rlx.app.train import judged_span
from rlx.compilation import Compiler, compiling_from_cold, frames_compiled, graph_breaks
from rlx.compile_check.entry import NOT_COMPILED, CheckEntry, Identity
from rlx.compile_check.measure import Plays, latency, numeric, outcomes
from rlx.compile_check.subject import Subject, alternate
from rlx.config import HardwareConfig
from rlx.data.traded import Traded
from rlx.evaluate.key import short_hash
from rlx.files import to_json
from rlx.training.hardware import Hardware, set_up

SETTINGS = {
    MODULE: ("seed", "module", "forecaster", "env", "costs", "guard"),
    FORECASTER: ("seed", "forecaster"),
    SIMULATOR: ("seed", "env", "costs", "guard"),
}
"""Keys of the configuration that change what a subject computes, except data, window and hardware."""


def compared(composed: Composed, traded: Traded, options: CheckOptions, cache_fallback: str | None) -> CheckEntry:
    """Return the entry of one comparison; the compiled plays start cold, without any cache of compiled code."""
    config, resolved, _ = settle_guard(composed.config, composed.resolved, traded.market)
    composed = composed._replace(config=config, resolved=resolved)
    hardware = _compiling(set_up(config.hardware, cache_fallback), config.hardware)
    subject = subject_of(composed, traded, options, hardware)
    frames, breaks = frames_compiled(), Counter(graph_breaks())
    with compiling_from_cold():
        plays = alternate(subject, hardware.compiler, hardware.accelerator, options.rounds)
    compiled = frames_compiled() > frames
    broken = dict(Counter(graph_breaks()) - breaks)
    identity = _identity(settings_of(composed, traded, options), traded, subject, hardware, broken, compiled=compiled)
    return described(identity, subject, plays)


def subject_of(composed: Composed, traded: Traded, options: CheckOptions, hardware: Hardware) -> Subject:
    """Return the subject that the options name."""
    config, span = composed.config, judged_span(composed.config, traded)
    if options.subject == SIMULATOR:
        return SimulatedPaths(config, traded.market, span, hardware.accelerator, options.calls)
    if options.subject == FORECASTER:
        return ForecastBars(composed.choices["forecaster"], config, traded.market, span, hardware, options.calls)
    return TrainedModule(composed.choices["module"], config, traded, span, hardware, options.calls)


def described(identity: Identity, subject: Subject, plays: Plays) -> CheckEntry:
    """Return the entry of plays."""
    return CheckEntry(
        identity=identity,
        numeric=numeric(plays),
        latency=latency(plays, compiles=identity.compile_used != NOT_COMPILED),
        outcomes=outcomes(plays, subject.metrics),
        recorded_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    )


def _compiling(hardware: Hardware, asked: HardwareConfig) -> Hardware:
    """Return the hardware with a compiler that compiles on any device: ``auto`` would not on a CPU."""
    mode = "default" if asked.compile == "auto" else asked.compile
    return replace(hardware, compiler=Compiler(mode, hardware.accelerator))


def settings_of(composed: Composed, traded: Traded, options: CheckOptions) -> str:
    """Return the digest of everything that changes what the subject computes, except data, window and hardware."""
    settings = {key: composed.resolved.get(key) for key in SETTINGS[options.subject]}
    market = traded.market
    seen = [list(market.symbols), list(traded.feature_names), market.panel.frequency, options.calls]
    return short_hash(to_json([settings, seen]))


def _identity(
    settings: str, traded: Traded, subject: Subject, hardware: Hardware, breaks: dict[str, int], *, compiled: bool
) -> Identity:
    """Return the identity; ``compiled`` says whether anything was."""
    facts = hardware.facts()
    nothing = None if compiled else "the subject has nothing to compile"
    return Identity(
        subject=subject.name,
        settings=settings,
        data=traded.market.fingerprint,
        first=to_json(subject.window.first),
        last=to_json(subject.window.last),
        steps=subject.window.steps,
        torch=torch.__version__,
        device=facts["device"],
        precision=hardware.precision,
        threads=hardware.threads,
        compile_asked=hardware.compiler.asked,
        compile_used=hardware.compiler.used if compiled else NOT_COMPILED,
        fallback=hardware.compiler.fallback or nothing,
        graph_breaks=breaks,
    )
