"""Typed programs of users pass strict type checkers, and typical mistakes do not: logger-api.md, section 35.

`programs/shared` is checked against the compatibility reference, too; `programs/own` uses what only mplog has
(beyond.md, rows 9, 10, 13 and 14), and `programs/newer` what needs a newer Python than the oldest one.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
from checkers import HAS_MYPY, HAS_PYRIGHT, PROGRAMS, Findings, expected, mypy, pyright

SHARED = sorted((PROGRAMS / "shared").glob("*.py"))
OWN = sorted((PROGRAMS / "own").glob("*.py"))
NEWER = sorted((PROGRAMS / "newer").glob("*.py"))
ALL = {"3.10": SHARED + OWN, "3.14": NEWER}

needs_mypy = pytest.mark.skipif(not HAS_MYPY, reason="mypy comes with the extra 'test'")
needs_pyright = pytest.mark.skipif(not HAS_PYRIGHT, reason="basedpyright comes with the extra 'test'")
needs_reference = pytest.mark.skipif(importlib.util.find_spec("loguru") is None, reason="the reference is not there")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one run has read serves the next one."""
    return tmp_path_factory.mktemp("mypy")


def assert_as_expected(found: Findings, wanted: Findings) -> None:
    """Every line with a comment is in error or reveals what the comment says, and no other line is in error."""
    assert {place: texts for place, texts in found.errors.items() if place not in wanted.errors} == {}
    assert wanted.errors.keys() == found.errors.keys(), "lines that are wrong and not seen as wrong"
    missing = {place: texts for place, texts in wanted.revealed.items() if found.revealed[place] != texts}
    assert missing == {}, {place: found.revealed[place] for place in missing}


def plain(revealed: str) -> str:
    """A type as both checkers spell it: without modules, defaults and words that only one of them uses."""
    text = re.sub(r"tuple\[.*fallback=([\w.]+)\]", r"\1", revealed)
    text = re.sub(r"\b[a-z_]+\.(?=[A-Z])", "", text).replace("CoroutineType", "Coroutine")
    return re.sub(r" =(?: [^,)]+)?", "", text.removeprefix("def "))


@needs_mypy
class TestMypy:
    @pytest.mark.parametrize("version", ALL)
    def test_programs_are_accepted_and_mistakes_found(self, cache: Path, version: str) -> None:
        """Under `--strict`, with the text that each comment names."""
        found, wanted = mypy(ALL[version], cache, version), expected(ALL[version])
        assert_as_expected(found, wanted)
        for place, fragments in wanted.errors.items():
            for fragment in fragments:
                assert any(fragment in text for text in found.errors[place]), (place, found.errors[place])

    @needs_reference
    def test_the_reference_says_the_same(self, cache: Path, tmp_path: Path) -> None:
        """Whole error texts and revealed types are those of the reference, where it has what is asked for."""
        copies = []
        for program in SHARED:
            copies.append(tmp_path / program.name)
            copies[-1].write_text(program.read_text().replace("mplog", "loguru"))
        theirs, ours = mypy(copies, cache), mypy(SHARED, cache)
        for mine, other in ((ours.errors, theirs.errors), (ours.revealed, theirs.revealed)):
            said = {place: [text.replace("loguru", "mplog") for text in texts] for place, texts in other.items()}
            assert dict(mine) == said
            assert len(said) > 40, "hardly anything was compared"

    def test_the_program_of_the_page_is_accepted(self, cache: Path) -> None:
        """What docs/reference/typing.md shows is right."""
        page = Path(__file__).resolve().parents[2] / "docs" / "reference" / "typing.md"
        program = cache / "page.py"
        program.write_text(page.read_text().split("```python\n")[1].split("```")[0])
        assert mypy([program], cache).errors == {}

    def test_a_mistake_without_a_comment_is_an_error(self, cache: Path) -> None:
        """The checker sees mplog's own types: were they missing, everything would pass."""
        program = cache / "mistake.py"
        program.write_text("from mplog import logger\n\nlogger.remove('0')\n")
        assert mypy([program], cache).errors == {
            ("mistake.py", 3): [
                'Argument 1 to "remove" of "Logger" has incompatible type "str"; expected "int | None"  [arg-type]'
            ]
        }


@needs_pyright
class TestPyright:
    @pytest.mark.parametrize("version", ALL)
    def test_programs_are_accepted_and_mistakes_found(self, tmp_path: Path, version: str) -> None:
        """In strict mode; its texts are its own, the places and the types the same."""
        found, wanted = pyright(ALL[version], tmp_path, version), expected(ALL[version])
        for findings in (found, wanted):
            for place, texts in findings.revealed.items():
                # How it shows overloads has nothing in common.
                findings.revealed[place] = [plain(text) for text in texts if not text.startswith("Overload")]
        assert_as_expected(found, wanted)

    def test_a_mistake_without_a_comment_is_an_error(self, tmp_path: Path) -> None:
        """This one sees mplog's own types, too."""
        program = tmp_path / "mistake.py"
        program.write_text("from mplog import logger\n\nlogger.remove('0')\nprint(logger.nothing)\n")
        found = pyright([program], tmp_path)
        assert found.errors.keys() == {("mistake.py", 3), ("mistake.py", 4)}


def test_every_group_has_its_programs() -> None:
    """A folder that is not found would check nothing."""
    assert (len(SHARED), len(OWN), len(NEWER)) >= (6, 3, 1)
    wanted = expected(SHARED + OWN + NEWER)
    assert len(wanted.errors) > 70
    assert len(wanted.revealed) > 50
