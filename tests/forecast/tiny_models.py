"""Tiny models with random weights, saved in the folders that real ones come in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

QUANTILES = [round(0.1 * number, 1) for number in range(1, 10)]
CARD = "---\nlicense: apache-2.0\n---\n# A tiny model with random weights\n"
SMALL = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2, "dropout_rate": 0.0}


def save_chronos_2(folder: Path) -> Path:
    """Save a Chronos-2 with a context of 64 and a horizon of 16."""
    from chronos import Chronos2Model
    from chronos.chronos2.config import Chronos2CoreConfig

    config = Chronos2CoreConfig(**SMALL, initializer_factor=0.2)
    config.architectures = ["Chronos2Model"]
    config.chronos_pipeline_class = "Chronos2Pipeline"
    config.chronos_config = {
        "context_length": 64,
        "output_patch_size": 8,
        "input_patch_size": 8,
        "input_patch_stride": 8,
        "quantiles": QUANTILES,
        "use_reg_token": True,
        "use_arcsinh": True,
        "max_output_patches": 2,
    }
    return _saved(Chronos2Model, config, folder)


def save_bolt(folder: Path) -> Path:
    """Save a Chronos-Bolt with a context of 64 and a horizon of 8."""
    from chronos.chronos_bolt import ChronosBoltModelForForecasting
    from transformers import T5Config

    config = T5Config(**SMALL, num_decoder_layers=1, vocab_size=2, initializer_factor=0.2, decoder_start_token_id=0)
    config.architectures = ["ChronosBoltModelForForecasting"]
    config.chronos_pipeline_class = "ChronosBoltPipeline"
    config.chronos_config = {
        "context_length": 64,
        "prediction_length": 8,
        "input_patch_size": 8,
        "input_patch_stride": 8,
        "quantiles": QUANTILES,
        "use_reg_token": True,
    }
    return _saved(ChronosBoltModelForForecasting, config, folder)


def save_t5(folder: Path) -> Path:
    """Save a first Chronos with a context of 64, a horizon of 8 and 96 tokens."""
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(**SMALL, num_decoder_layers=1, vocab_size=96, initializer_factor=1.0, decoder_start_token_id=0)
    config.chronos_pipeline_class = "ChronosPipeline"
    config.chronos_config = {
        "tokenizer_class": "MeanScaleUniformBins",
        "tokenizer_kwargs": {"low_limit": -5.0, "high_limit": 5.0},
        "context_length": 64,
        "prediction_length": 8,
        "n_tokens": 96,
        "n_special_tokens": 2,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "use_eos_token": True,
        "model_type": "seq2seq",
        "num_samples": 20,
        "temperature": 1.0,
        "top_k": 50,
        "top_p": 1.0,
    }
    return _saved(T5ForConditionalGeneration, config, folder)


def _saved(kind: Any, config: Any, folder: Path) -> Path:
    torch.manual_seed(0)
    kind(config).eval().save_pretrained(folder)
    (folder / "README.md").write_text(CARD)
    return folder
