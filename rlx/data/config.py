"""The ``data=`` configuration group: schemas with defaults, no heavy imports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rlx.data.splits import SplitConfig
from rlx.errors import ConfigError

if TYPE_CHECKING:
    from rlx.data.panel import MarketPanel


@dataclass
class DataConfig:
    """What every data source has: the features learners see (None for the defaults) and the splits."""

    features: list[str] | None = None
    split: SplitConfig = field(default_factory=SplitConfig)

    def __post_init__(self) -> None:
        if self.features is not None and not self.features:
            raise ConfigError("data.features=[]: name at least one feature, or leave it null for the defaults.")

    def load(self) -> MarketPanel:
        """Read or build the panel this configuration describes."""
        raise NotImplementedError


@dataclass
class SampleData(DataConfig):
    """A panel shipped with the package: ``daily9`` or ``hourly5``."""

    dataset: str = "daily9"
    symbols: list[str] | None = None
    start: str | None = None
    end: str | None = None

    def load(self) -> MarketPanel:
        """Return the vendored panel."""
        from rlx.data.sources import sample

        return sample(self.dataset, self.symbols, self.start, self.end)


@dataclass
class FolderData(DataConfig):
    """A file or a folder of files with prices; ``path`` has to be given.

    ``asset_class``: ``equity``, ``crypto`` (long-only, no leverage) or, for a panel of both, a mapping such as
    ``{BTC: crypto}``; ``auto`` is equity, with a warning where bars lie on weekends. ``close_only`` uses nothing but
    the closes. ``decimal``: ``auto`` (told from the numbers), ``point`` or ``comma``. ``price_scale``: what prices are
    divided by, None to go by the layout. ``allow`` lists codes of findings that shall be warnings, not refusals.
    """

    path: str = ""
    symbols: list[str] | None = None
    start: str | None = None
    end: str | None = None
    asset_class: Any = "auto"
    close_only: bool = False
    decimal: str = "auto"
    price_scale: float | None = None
    allow: list[str] = field(default_factory=list)

    def load(self) -> MarketPanel:
        """Read, check and align the files."""
        from rlx.data.loader import load_folder

        return load_folder(
            self.path,
            self.symbols,
            self.start,
            self.end,
            asset_class=self.asset_class,
            close_only=self.close_only,
            decimal=self.decimal,
            price_scale=self.price_scale,
            allow=self.allow,
        )


@dataclass
class SyntheticData(DataConfig):
    """A generated market with a known best answer; see ``rlx.data.synthetic`` for the kinds."""

    kind: str = "one_winner"
    n_assets: int = 4
    n_bars: int = 600
    seed: int = 0

    def load(self) -> MarketPanel:
        """Generate the panel."""
        from rlx.data.synthetic import synthetic

        return synthetic(self.kind, self.n_assets, self.n_bars, self.seed)
