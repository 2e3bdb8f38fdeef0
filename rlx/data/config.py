"""The ``data=`` configuration group: schemas with defaults, no heavy imports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from rlx.data.readers.options import DECIMALS
from rlx.data.splits import SplitConfig
from rlx.errors import ConfigError
from rlx.ranges import FilePath, ListOf, Number, OneOf, Text, Whole, check_fields

if TYPE_CHECKING:
    from rlx.data.panel import MarketPanel

SYMBOLS = ListOf(Text(100), most=100_000)
LARGEST_PANEL = 5_000_000  # bars of all symbols together


@dataclass
class DataConfig:
    """Options of every data source: the features learners see (None for the defaults) and the splits."""

    features: Annotated[list[str] | None, ListOf(Text(100), fewest=1)] = None
    split: SplitConfig = field(default_factory=SplitConfig)

    def __post_init__(self) -> None:
        check_fields(self, "data")

    def load(self) -> MarketPanel:
        """Read or build the panel this configuration describes."""
        raise NotImplementedError


@dataclass
class SampleData(DataConfig):
    """A panel included in the package: ``daily9`` or ``hourly5``."""

    dataset: Annotated[str, Text(100)] = "daily9"
    symbols: Annotated[list[str] | None, SYMBOLS] = None
    start: Annotated[str | None, Text(40)] = None
    end: Annotated[str | None, Text(40)] = None

    def load(self) -> MarketPanel:
        """Return the included panel."""
        from rlx.data.sources import sample

        return sample(self.dataset, self.symbols, self.start, self.end)


@dataclass
class FolderData(DataConfig):
    """A file or a folder of files with prices; ``path`` is required.

    ``asset_class``: ``equity``, ``crypto`` (long-only, no leverage) or, for a panel of both, a mapping such as
    ``{BTC: crypto}``; ``auto`` is equity, with a warning where bars are on weekends. ``close_only`` uses only the
    closes. ``decimal``: ``auto`` (from the numbers), ``point`` or ``comma``. ``price_scale``: the divisor of prices,
    None to follow the layout. ``allow`` lists codes of findings to treat as warnings instead of errors.
    """

    path: Annotated[str, FilePath(shortest=0)] = ""
    symbols: Annotated[list[str] | None, SYMBOLS] = None
    start: Annotated[str | None, Text(40)] = None
    end: Annotated[str | None, Text(40)] = None
    asset_class: Any = "auto"
    close_only: bool = False
    decimal: Annotated[str, OneOf(tuple(DECIMALS))] = "auto"
    price_scale: Annotated[float | None, Number(1e-9, 1e9)] = None
    allow: Annotated[list[str], ListOf(Text(100))] = field(default_factory=list)

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

    kind: Annotated[str, Text(100)] = "one_winner"
    n_assets: Annotated[int, Whole(1, 1_000)] = 4
    n_bars: Annotated[int, Whole(2, 60_000)] = 600
    seed: Annotated[int, Whole(0, 2**32 - 1)] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_assets * self.n_bars > LARGEST_PANEL:
            raise ConfigError(
                f"data.n_assets x data.n_bars = {self.n_assets * self.n_bars}: must be between 2 and {LARGEST_PANEL}. "
                f"Lower data.n_assets={self.n_assets} or data.n_bars={self.n_bars}."
            )

    def load(self) -> MarketPanel:
        """Generate the panel."""
        from rlx.data.synthetic import synthetic

        return synthetic(self.kind, self.n_assets, self.n_bars, self.seed)
