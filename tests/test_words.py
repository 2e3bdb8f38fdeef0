"""The words that CONTRIBUTING.md lists are in no document, message, comment or name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TABLE = "CONTRIBUTING.md"
FOLDERS = ("docs", "conf", "rlx", "hydra_plugins", "benchmarks", "tests")
SUFFIXES = (".py", ".md", ".yaml")
EXCLUDED = ("tests/golden/", "tests/test_words.py")

_ROW = re.compile(r"^\| [^|]+ \| [^|]+ \| `(.+)` \|$", re.MULTILINE)
_LINE_BREAK = re.compile(r' *"?\n[ \t]*(?:# |f?")?')


def word_pattern() -> re.Pattern[str]:
    """Return one pattern for all words of the table, in text in lower case."""
    rows = _ROW.findall((ROOT / TABLE).read_text(encoding="utf-8"))
    patterns = [row.replace(r"\|", "|").replace(" ", r"\s") for row in rows]
    return re.compile(rf"\b(?:{'|'.join(patterns)})")


def found(text: str, pattern: re.Pattern[str]) -> list[tuple[int, str]]:
    """Return number and content of the lines with a word, also of phrases that continue on the next line."""
    flowing, lines = _LINE_BREAK.sub("\n", text.lower()), text.split("\n")
    numbers = [flowing.count("\n", 0, match.start()) for match in pattern.finditer(flowing)]
    return [(number + 1, lines[number].strip()) for number in numbers]


def checked_files() -> list[str]:
    """Return the files of the repository that are checked, relative to its root."""
    paths = [*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))]
    names = [path.relative_to(ROOT).as_posix() for path in paths if path.suffix in SUFFIXES]
    return sorted(name for name in names if not name.startswith(EXCLUDED))


def test_no_listed_word_is_used() -> None:
    pattern, places = word_pattern(), []
    for name in checked_files():
        text = (ROOT / name).read_text(encoding="utf-8")
        if name == TABLE:
            text = _ROW.sub("", text)
        places += [f"{name}:{number}: {line}" for number, line in found(text, pattern)]
    assert not places, "\n".join(["CONTRIBUTING.md has better words for these:", *places])


@pytest.mark.parametrize(
    "text",
    [
        "# it is told once",
        "log.warning('the guard is idle')",
        "beside = 3",
        'raise Error(\n    "the run goes "\n    "on without it"\n)',
        "    # judged\n    # beside it",
        "Words made\non other dates.",
    ],
)
def test_a_listed_word_is_found(text: str) -> None:
    assert found(text, word_pattern())


@pytest.mark.parametrize(
    "text",
    [
        "apart from that",
        "it stands for one",
        "an idle GPU",
        "log.tell(x)",
        "stretch_steps",
        "np.floor(x)",
        "they are all the same",
    ],
)
def test_other_uses_are_not(text: str) -> None:
    assert not found(text, word_pattern())
