"""The interface of Kronos with small networks: encode, decode_s1, decode_s2, decode."""

import sys

from huggingface_hub import PyTorchModelHubMixin

sys.path.append("../")
from model.module import *  # noqa: F403  # as in the real package, whose name is model everywhere

WORDS = 16


class KronosTokenizer(nn.Module, PyTorchModelHubMixin):  # noqa: F405
    """The close in steps of an eighth of a standard deviation is the coarse token, the fine one moves high and low."""

    def __init__(self, bits: int = 4) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(0.125))  # noqa: F405

    def encode(self, x, half=False):
        assert half
        coarse = ((x[..., 3] / self.scale).round().long() + WORDS // 2).clamp(0, WORDS - 1)
        fine = ((x[..., 1] - x[..., 2]) / self.scale).round().long().clamp(0, WORDS - 1)
        return [coarse, fine]

    def decode(self, x, half=False):
        assert half
        coarse, fine = x
        close = (coarse - WORDS // 2) * self.scale
        spread = fine * self.scale / 2
        return torch.stack([close, close + spread, close - spread, close, close * 0, close * 0], dim=-1)  # noqa: F405


class Kronos(nn.Module, PyTorchModelHubMixin):  # noqa: F405
    """A head on the last tokens and their dates."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, width)  # noqa: F405
        self.dates = nn.Linear(5, width)  # noqa: F405
        self.coarse, self.fine = nn.Linear(width, WORDS), nn.Linear(width, WORDS)  # noqa: F405

    def decode_s1(self, s1_ids, s2_ids, stamp=None, padding_mask=None):
        hidden = self.embedding(s1_ids) + self.embedding(s2_ids) + 0.01 * self.dates(stamp)
        return self.coarse(hidden), hidden

    def decode_s2(self, context, s1_ids, padding_mask=None):
        return self.fine(context[:, -1:] + self.embedding(s1_ids))
