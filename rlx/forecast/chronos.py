"""Chronos, Chronos-Bolt and Chronos-2, pretrained models of single series (extra ``chronos``)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from rlx.errors import CheckpointError, is_out_of_memory
from rlx.forecast.own_series import OwnSeriesForecaster, SeriesModel
from rlx.forecast.pretrained import described, find_model, read_configuration, require_package, unusable
from rlx.forecast.pretrained_config import ChronosConfig
from rlx.forecast.sampling import SamplingConfig
from rlx.forecast.tokens import drawn_tokens
from rlx.types import FloatArray

if TYPE_CHECKING:
    from chronos import BaseChronosPipeline

REMEDY = "Install the extra: pip install 'rlx[chronos]'."
log = logging.getLogger(__name__)


class ChronosForecaster(OwnSeriesForecaster):
    """Forecasts by a pretrained Chronos model (Ansari et al. 2024, arXiv:2403.07815; 2025, arXiv:2510.15821).

    ConfigError without the package, CheckpointError for a folder that is not such a model.
    """

    libraries = ("chronos-forecasting", "transformers")

    def __init__(self, **options: Any) -> None:
        config = ChronosConfig(**options)
        require_package("chronos", "chronos", REMEDY)
        folder = find_model("chronos", config.path, download=config.download)
        model = load_chronos(folder, config.path)
        sampling = {field.name: getattr(config, field.name) for field in fields(SamplingConfig)}
        if model.levels:
            sampling["n_samples"], sampling["min_samples"] = 1, 1
        self.weights = {**described(folder), "kind": type(model).__name__}
        super().__init__("chronos", config, SamplingConfig(**sampling), model)
        log.info("forecaster.path=%s: licence %s.", config.path, self.weights["licence"] or "not stated by its card")


def load_chronos(folder: Path, path: str) -> SeriesModel:
    """Return the model in a folder; CheckpointError if it is none of Chronos."""
    facts = read_configuration(folder)
    if not isinstance(facts.get("chronos_config"), dict):
        raise CheckpointError(f"forecaster.path={path}: no Chronos model, its config.json has no chronos_config.")
    import chronos

    try:
        with _without_progress():
            pipeline = chronos.BaseChronosPipeline.from_pretrained(
                str(folder), local_files_only=True, use_safetensors=True, trust_remote_code=False, dtype=torch.float32
            )
        pipeline.inner_model.eval()
        return PathModel(pipeline) if isinstance(pipeline, chronos.ChronosPipeline) else QuantileModel(pipeline)
    except Exception as error:  # whatever a damaged folder leads its library to
        if is_out_of_memory(error) or isinstance(error, CheckpointError):
            raise
        raise unusable("chronos", path, error) from error


@contextmanager
def _without_progress() -> Iterator[None]:
    """Load weights without the library's own progress bar."""
    from transformers.utils import logging as shown

    enabled = shown.is_progress_bar_enabled()
    shown.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if enabled:
            shown.enable_progress_bar()  # type: ignore[no-untyped-call]


class QuantileModel:
    """Chronos-Bolt or Chronos-2: quantiles at the levels that it was trained for, computed without random numbers."""

    def __init__(self, pipeline: BaseChronosPipeline) -> None:
        self._pipeline: Any = pipeline
        self.module: torch.nn.Module = pipeline.inner_model
        self.levels = tuple(float(level) for level in self._pipeline.quantiles)
        self.context_limit, self.horizon_limit = pipeline.model_context_length, pipeline.model_prediction_length

    def forecast(self, series: FloatArray, horizon: int, uniform: FloatArray) -> FloatArray:
        """Return quantiles (N, H, K) of series (N, L)."""
        rows = list(torch.as_tensor(series, dtype=torch.float32))
        made = self._pipeline.predict(rows, prediction_length=horizon, **self._batch(len(rows)))
        stacked = torch.stack([one.reshape(len(self.levels), -1) for one in made])  # (N, K, H)
        return np.asarray(stacked[..., :horizon].swapaxes(1, 2).double().numpy())

    def _batch(self, size: int) -> dict[str, int]:
        """Return the option by which Chronos-2 takes all series at once; Chronos-Bolt always does."""
        import chronos

        return {"batch_size": size} if isinstance(self._pipeline, chronos.Chronos2Pipeline) else {}


class PathModel:
    """The first Chronos: paths of tokens, one of them for each row of random numbers."""

    levels: tuple[float, ...] = ()

    def __init__(self, pipeline: BaseChronosPipeline) -> None:
        self._pipeline: Any = pipeline
        self.module: torch.nn.Module = pipeline.inner_model
        self._config = self._pipeline.model.config
        if self._config.model_type != "seq2seq":
            raise CheckpointError("only Chronos models with an encoder are supported, this one has none.")
        self.context_limit, self.horizon_limit = pipeline.model_context_length, pipeline.model_prediction_length

    def forecast(self, series: FloatArray, horizon: int, uniform: FloatArray) -> FloatArray:
        """Return paths (N, H) of series (N, L); each different series is encoded once."""
        different, inverse = np.unique(series, axis=0, return_inverse=True)
        context = torch.as_tensor(different, dtype=torch.float32)
        tokens, mask, scale = self._pipeline.tokenizer.context_input_transform(context)
        row = torch.as_tensor(inverse.reshape(-1))
        drawn = self._generated(tokens, mask, row, torch.as_tensor(uniform))
        values = self._pipeline.tokenizer.output_transform(drawn.cpu()[:, None], scale[row])
        return np.asarray(values[:, 0].double().numpy())

    def _generated(self, tokens: Tensor, mask: Tensor, row: Tensor, uniform: Tensor) -> Tensor:
        """Return the drawn tokens (N, H)."""
        import transformers

        generation: Any = transformers.GenerationConfig
        model: Any = self.module
        encoded = model.get_encoder()(input_ids=tokens.to(model.device), attention_mask=mask.to(model.device))
        row = row.to(model.device)
        encoded.last_hidden_state = encoded.last_hidden_state[row]
        steps = uniform.shape[1]
        drawn: Tensor = model.generate(
            encoder_outputs=encoded,
            attention_mask=mask.to(model.device)[row],
            generation_config=generation(
                min_new_tokens=steps,
                max_new_tokens=steps,
                do_sample=False,
                eos_token_id=self._config.eos_token_id,
                pad_token_id=self._config.pad_token_id,
                decoder_start_token_id=model.config.decoder_start_token_id,
            ),
            logits_processor=transformers.LogitsProcessorList([self._choice(uniform)]),
        )
        return drawn[:, 1:]  # without the decoder's start

    def _choice(self, uniform: Tensor) -> Any:
        """Return a processor that leaves only the token drawn with the step's random number."""
        config = self._config

        def chosen(input_ids: Tensor, scores: Tensor) -> Tensor:
            now = uniform[:, input_ids.shape[1] - 1]
            token = drawn_tokens(scores, now, config.temperature, config.top_k, config.top_p)
            return torch.full_like(scores, -torch.inf).scatter(1, token[:, None], 0.0)

        return chosen
