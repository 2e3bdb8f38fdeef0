"""docs/extending.md shows the package that tests/app/test_plugin.py installs, file by file."""

from __future__ import annotations

import re
from pathlib import Path

from rlx.measures.metric import SHOWN

ROOT = Path(__file__).parents[1]
PLUGIN = ROOT / "tests" / "plugin"
LISTING = re.compile(r"^`([\w./]+)`:\n\n```\w+\n(.*?)```$", re.MULTILINE | re.DOTALL)


def test_listings_are_the_files_of_the_package() -> None:
    page = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    shown = dict(LISTING.findall(page))
    files = [
        path for path in PLUGIN.rglob("*") if path.suffix in (".py", ".toml", ".yaml") and path.name != "__init__.py"
    ]
    assert set(shown) == {str(path.relative_to(PLUGIN)) for path in files}
    for name, text in shown.items():
        assert text == (PLUGIN / name).read_text(encoding="utf-8"), name


def test_every_tag_of_a_metric_is_on_the_page() -> None:
    page = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    for tag, place in SHOWN.items():
        assert f"| `{tag}` | {place} |" in page


def test_every_entry_point_group_is_on_the_page() -> None:
    from rlx import registry
    from rlx.config.options import ENTRY_POINT_GROUP

    page = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    for name in (*(group.entry_point_group for group in registry.GROUPS.values()), ENTRY_POINT_GROUP):
        assert f"| `{name}` |" in page
