"""Records of workers that are too large to travel: they are cut, and what is left is still what its sink is for.

Covers logger-api.md, section 15.
"""

from __future__ import annotations

import json
import re

import pytest
from programs import Program

LIMIT = 16 * 1024 * 1024
LONG = 4_400_000
"""Pairs of a euro sign and a control character: four bytes each, in the rings and in most encodings."""

SENDERS = """
    import os, sys
    from mplog import logger

    TEXT = "\\u20ac\\x01" * int(sys.argv[3])

    def log():
        logger.info("before")
        logger.bind(n=1).info(TEXT)
        logger.bind(n=2, big=TEXT, many=list(range(1000))).info("{} {}", "small", 1)
        logger.bind(n=3).info("after")

    logger.remove()
    got = []
    sink = {"file": "app.log", "call": got.append}[sys.argv[1]]
    options = eval(sys.argv[2])
    logger.add(sink, format="{message}", **options)
    child = os.fork()
    if not child:
        log()
        sys.exit(0)
    os.waitpid(child, 0)
    logger.complete()
    logger.remove()
    if got:
        with open("app.log", "w", encoding="utf8", newline="") as file:
            file.writelines(got)
"""


class TestJson:
    @pytest.mark.parametrize("kind", ["file", "call"])
    def test_every_line_is_json(self, program: Program, kind: str) -> None:
        """What is too long for its way is cut inside of the values, with a mark."""
        ended = program.run(SENDERS, kind, "{'serialize': True}", LONG)
        assert (ended.status, ended.said) == (0, "")
        lines = (program.here / "app.log").read_bytes().splitlines(keepends=True)
        records = [json.loads(line)["record"] for line in lines]
        assert [record["extra"].get("n") for record in records] == [None, 1, 2, 3]
        assert records[1]["message"].endswith(" more characters>")
        assert records[2]["message"] == "small 1"
        assert records[2]["extra"]["big"].endswith(" more characters>")
        assert records[2]["extra"]["many"] == list(range(1000))
        assert max(map(len, lines)) <= LIMIT


class TestText:
    @pytest.mark.parametrize(("encoding", "pairs"), [("utf8", LONG), ("utf-16-le", LONG), ("gb18030", 6_000_000)])
    def test_every_character_is_whole(self, program: Program, encoding: str, pairs: int) -> None:
        """A file in any encoding can be read to its end, and the mark stands at the end of its line."""
        ended = program.run(SENDERS, "file", f"{{'encoding': {encoding!r}, 'sanitize': False}}", pairs)
        assert (ended.status, ended.said) == (0, "")
        lines = (program.here / "app.log").read_bytes().decode(encoding).split("\n")
        assert [line[:10] for line in lines] == ["before", "€\x01" * 5, "small 1", "after", ""]
        assert "... <truncated: " in lines[1][-60:]
        assert LIMIT * 0.9 < len(lines[1].encode(encoding)) <= LIMIT + 100


NO_ROOM = """
    import os, resource, sys
    from mplog import logger

    LONG = "\u20ac<\x01>" * 120_000

    def log():
        logger.info("before {}", 0)
        # From here on no file of this process can be as long as its records.
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        for n in range(2):
            logger.info(LONG)
        logger.bind(n=1).info(LONG)
        logger.bind(n=2, big=[LONG] * 3, many=list(range(50_000)), **{"k" * 50_000: 1}).info("{} {}", "small", 1)
        try:
            raise ValueError(LONG)
        except ValueError:
            logger.bind(n=3).exception("failed")
        logger.bind(n=4).opt(colors=True).info("<red>{}</red>", LONG)
        logger.bind(n=5).info("after")

    logger.remove()
    got = []
    options = eval(sys.argv[2])
    logger.add({"file": "app.log", "call": got.append}[sys.argv[1]], format="{message} {extra}", **options)
    child = os.fork()
    if not child:
        log()
        sys.exit(0)
    os.waitpid(child, 0)
    logger.complete()
    logger.remove()
    if got:
        assert [message.record["extra"].get("n") for message in got] == [None, None, None, 1, 2, 3, 4, 5]
        assert got[4].record["message"] == "small 1", got[4].record
        with open("app.log", "w", encoding=options.get("encoding", "utf8"), newline="") as file:
            file.writelines(got)
"""


class TestNoRoom:
    """A record that is too large for the ring, and a file beside it cannot be written: what fits travels."""

    @pytest.mark.parametrize("kind", ["file", "call"])
    def test_json_stays_json(self, program: Program, kind: str) -> None:
        """With all its fields, whose texts are cut."""
        ended = program.run(NO_ROOM, kind, "{'serialize': True}")
        records = [json.loads(line)["record"] for line in (program.here / "app.log").read_bytes().splitlines()]
        assert [record["extra"].get("n") for record in records] == [None, None, None, 1, 2, 3, 4, 5]
        assert all(len(record) == len(records[0]) for record in records)
        assert [record["message"].endswith(" more characters>") for record in records] == [
            *(False, True, True, True, False, False, True, False)
        ]
        assert records[4]["message"] == "small 1"
        assert records[5]["exception"]["type"] == "ValueError"
        assert records[7]["message"] == "after"
        assert ended.status == 0

    @pytest.mark.parametrize("kind", ["file", "call"])
    @pytest.mark.parametrize("encoding", ["utf8", "utf-16-le"])
    def test_text_stays_text(self, program: Program, kind: str, encoding: str) -> None:
        """In whole characters of its encoding, each line with its end."""
        options = f"{{'encoding': {encoding!r}}}" if kind == "file" else "{}"
        program.run(NO_ROOM, kind, options)
        text = (program.here / "app.log").read_bytes().decode(encoding if kind == "file" else "utf8")
        lines = text.split("\n")
        assert lines[0] == "before 0 {}"
        assert lines[-2:] == ["after {'n': 5}", ""]
        assert len(re.findall("more (characters|bytes)", text)) >= 5
        assert "small 1" in text
        assert "failed" in text


ORPHAN = """
    import os, signal, sys, time
    from mplog import logger

    logger.remove()
    logger.add(sys.stdout, format="{message}")
    owner = os.getpid()
    if not os.fork():
        logger.info("{}", "small")
        logger.complete()
        os.kill(owner, signal.SIGSTOP)
        logger.info("{}", "unread" * 1_000_000)
        os.kill(owner, signal.SIGKILL)
        while os.getppid() == owner:
            time.sleep(0.002)
        logger.info("{}", "later" * 800_000)
        logger.info("{}", "last")
        sys.exit(0)
    signal.pause()
"""


class TestOwnerGone:
    def test_a_worker_writes_what_was_too_large_for_its_ring(self, program: Program) -> None:
        """On its own stream, and not the name of the file that the record waited in."""
        running = program.start(ORPHAN)
        running.wait()
        program.wait_for_members()
        shown = running.wait().output.splitlines()
        assert [line[:6] for line in shown] == ["small", "unread", "laterl", "last"]
        assert [len(line) for line in shown] == [5, 6_000_000, 4_000_000, 4]
