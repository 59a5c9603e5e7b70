"""Each example in the documentation runs, silently, and does what its page says."""

from __future__ import annotations

import datetime as dt
import gzip
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from documentation import EXAMPLES, marked
from programs import Ended, Program

SOURCES = {path.name: path.read_text() for path in EXAMPLES}


def jobs(ended: Ended) -> None:
    lines = ended.log()
    assert Counter(line.rpartition(" - ")[2] for line in lines) == Counter(f"job {n} done" for n in range(100_000))


def executor(ended: Ended) -> None:
    lines = Counter(line.partition(" | ")[2] for line in ended.log("executor.log"))
    assert lines == Counter([*(f"squaring {n}" for n in range(1000)), "the sum is 332833500"])


def bare_fork(ended: Ended) -> None:
    assert sorted(ended.log("fork.log")) == [f"child {n} of four" for n in range(4)]


def spawned(ended: Ended) -> None:
    expected = ["MainProcess | all done", *(f"worker-{n} | job {n}" for n in range(3))]
    assert sorted(ended.log("spawned.log")) == expected


def with_multiprocess(ended: Ended) -> None:
    assert Counter(ended.log("lambdas.log")) == Counter(f"lambda {n}" for n in range(300))


def rotation(ended: Ended) -> None:
    names = sorted(path.name for path in ended.here.iterdir())
    assert len(names) == 4
    assert names[-1] == "small.log"
    assert all(
        re.fullmatch(r"small\.\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_\d{6}(\.\d+)?\.log\.gz", name) for name in names[:3]
    )
    assert all(len(gzip.decompress((ended.here / name).read_bytes())) <= 20_000 for name in names[:3])
    lines = [line.partition(" | ")[2] for line in ended.log("small.log")]
    assert lines == [f"line {n} of 2000" for n in range(2000)][-len(lines) :]


def coloured(ended: Ended) -> None:
    lines = [line.split(maxsplit=1)[1] for line in ended.output.splitlines() if re.match(r"\d\d:", line)]
    assert lines == [
        "INFO     MainProcess tables are opened",
        "DEBUG    table-1     90 to be shared by 4",
        "SUCCESS  table-1     each pays 22.5",
        "DEBUG    table-2     90 to be shared by 0",
        "ERROR    table-2     nobody is there to pay",
        "WARNING  MainProcess one table has not paid",
    ]
    assert re.search(r"each = bill / guests\n +│ +└ 0\n +└ 90\n", ended.output)


def dated(ended: Ended) -> None:
    (log,) = (ended.here / "logs").iterdir()
    assert dt.date.fromisoformat(log.stem)
    assert log.stat().st_mode & 0o777 == 0o640
    assert len(log.read_text().splitlines()) == 1


def in_order(ended: Ended) -> None:
    expected = [line for n in range(50) for line in (f"child {n}", f"parent after child {n}")]
    assert ended.log("order.log") == expected


def logrotate(ended: Ended) -> None:
    assert ended.log("service.log.1") == ["in the old file"]
    assert (ended.here / "service.log").read_text() == "in the new file\n"


def starts_program(ended: Ended) -> None:
    assert ended.log("programs.log") == ["started as first", "started as second", "both have ended"]


CHECKS: dict[str, Callable[[Ended], None]] = {
    "app.py": jobs,
    "bare_fork.py": bare_fork,
    "coloured.py": coloured,
    "dated.py": dated,
    "executor.py": executor,
    "in_order.py": in_order,
    "logrotate.py": logrotate,
    "rotation.py": rotation,
    "spawned.py": spawned,
    "starts_program.py": starts_program,
    "with_multiprocess.py": with_multiprocess,
}
"""What an example must have done, where its page does not show it."""

STARTED_OTHERWISE = {"several_programs.py", "container.py"}


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_an_example_does_what_its_page_says(name: str, program: Program) -> None:
    """It ends well, says nothing on standard error, and its files hold what they should."""
    source = SOURCES[name]
    if name == "dated.py":
        ended = program.start(source).wait()
        assert (ended.status, ended.said) == (0, "")
    else:
        ended = program.run(source)
    CHECKS[name](ended)


@pytest.mark.parametrize("shown", marked("source"), ids=lambda shown: shown.what)
def test_a_file_of_an_integration_is_as_its_page_shows_it(shown: object) -> None:
    """What runs it is with the tests of the integration."""
    (found,) = [block for block in marked("source") if block == shown]
    assert "".join(found.blocks) == (EXAMPLES[0].parent / found.what).read_text()


@pytest.mark.parametrize("shown", marked("output"), ids=lambda shown: shown.what)
def test_an_example_says_what_its_page_shows_but_for_figures(shown: object, program: Program) -> None:
    """Sizes and times differ from run to run, what is said of how many files does not; and it is so."""
    (found,) = [block for block in marked("output") if block == shown]
    ended = program.run(SOURCES[found.what])
    assert re.sub(r"[\d, ]+", "0", ended.output) == re.sub(r"[\d, ]+", "0", found.blocks[0])
    listed = [line.rpartition(" ")[2] for line in ended.output.splitlines()]
    assert sorted(listed) == sorted(path.name for path in ended.here.iterdir())
    assert len(listed) > 2


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_the_main_example_is_the_same_with_each_start_method(method: str, program: Program) -> None:
    """The ten lines of the README need no change."""
    chosen = f"import multiprocessing\nmultiprocessing.set_start_method({method!r}, force=True)\n"
    jobs(program.run(chosen + SOURCES["app.py"]))


def test_several_programs_share_a_file(program: Program) -> None:
    """Started at once, they lose no line and rotate at the same limit."""
    started = [program.start(SOURCES["several_programs.py"], name) for name in ("web", "cron", "shell")]
    for running in started:
        ended = running.wait()
        assert (ended.status, ended.said) == (0, "")
    program.leaves_nothing()
    lines = Counter(line.partition(" | ")[2] for line in ended.log("shared.log"))
    assert lines == Counter(f"{name} logs line {n}" for name in ("web", "cron", "shell") for n in range(5000))
    for path in ended.here.glob("shared.*.gz"):
        assert len(gzip.decompress(path.read_bytes())) <= 100_000


def comparable(text: str) -> list[str]:
    """*text* without what differs from run to run and from interpreter to interpreter."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [+-]\d\d:\d\d", "TIME", text)
    text = re.sub(r"\b(?=.*\d)[0-9a-f]{32} [0-9a-f]{16}\b", "TRACE SPAN", text)
    text = re.sub(r'File ".*?"', 'File "..."', text)
    return [line for line in text.splitlines() if not re.fullmatch(r"[ ~^]+", line)]


@pytest.mark.parametrize("shown", marked("prints"), ids=lambda shown: shown.what)
def test_an_example_prints_what_its_page_shows(shown: object, program: Program) -> None:
    """Printed on the page is what the example prints."""
    (found,) = [block for block in marked("prints") if block == shown]
    ended = program.run(SOURCES[found.what])
    assert comparable(ended.output) == comparable(found.blocks[0])


@pytest.mark.parametrize("shown", marked("file"), ids=lambda shown: shown.what)
def test_an_example_writes_what_its_page_shows(shown: object, program: Program) -> None:
    """The file on the page is the file that the example writes."""
    (found,) = [block for block in marked("file") if block == shown]
    name, file = found.what.split()
    ended = program.run(SOURCES[name])
    assert comparable((ended.here / file).read_text()) == comparable(found.blocks[0])


def test_every_example_is_run() -> None:
    """An example that nothing runs will be wrong one day."""
    run = {*CHECKS, *STARTED_OTHERWISE}
    run |= {block.what for kind in ("prints", "output") for block in marked(kind)} | {
        block.what.split()[0] for block in marked("file")
    }
    assert {path.name for path in EXAMPLES} == run


def test_every_example_is_on_a_page() -> None:
    """An example that no page shows helps nobody."""
    assert {path.name for path in EXAMPLES} == {block.what for block in marked("example")}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_pages_show_examples_as_they_are(path: Path) -> None:
    """`python docs/refresh.py` brings pages up to date."""
    for block in marked("example"):
        if block.what == path.name:
            assert block.blocks[0] == path.read_text(), f"{block.page}: run `python docs/refresh.py`"
