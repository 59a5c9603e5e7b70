"""Each recipe of the cookbook runs, and what comes out is what its page says."""

from __future__ import annotations

import contextlib
import gzip
import http.server
import json
import lzma
import os
import pty
import re
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from documentation import DOCS, marked
from programs import Ended, Program

RECIPES = DOCS / "examples" / "cookbook"
SOURCES = {path.stem: path.read_text() for path in sorted(RECIPES.glob("*.py"))}


def shown(kind: str, name: str) -> list[tuple[str, str]]:
    """The blocks of one kind that belong to a recipe: what else stands in the comment, and the text."""
    found = [(block.what.split(), block.blocks[0]) for block in marked(kind)]
    return [(" ".join(words[1:]), text) for words, text in found if words[0] == f"{name}.py"]


def comparable(text: str, name: str) -> list[str]:
    """*text* without paths, and without the marks that some versions of Python put below a line of a traceback."""
    text = re.sub(r'File ".*?"', 'File "..."', text).replace("program.py", f"{name}.py")
    return [line for line in text.splitlines() if not re.fullmatch(r"[ ~^]+", line)]


def level_files(ended: Ended) -> None:
    assert ended.log("info.log") == ["started"]
    assert ended.log("warning.log") == ["the disk is nearly full"]
    assert ended.log("error.log") == ["the disk is full"]


def errors_too(ended: Ended) -> None:
    assert ended.log() == ["DEBUG looking for work", "INFO found some", "ERROR could not do it"]


def by_bind(ended: Ended) -> None:
    assert ended.log() == ["a page was shown"]


def job_files(ended: Ended) -> None:
    parts = {job: [f"part {part} of job {job}" for part in range(3)] for job in range(4)}
    assert {job: ended.log(f"job-{job}.log") for job in range(4)} == parts
    assert Counter(ended.log("all.log")) == Counter(f"{job} {line}" for job in range(4) for line in parts[job])


def worker_files(ended: Ended) -> None:
    assert [len(ended.log(f"worker-{number}.log")) for number in range(2)] == [1, 1]


def terminal_only(ended: Ended) -> None:
    assert ended.log() == ["for the file", "for whoever looks, too"]


def json_lines(ended: Ended) -> None:
    first, second = map(json.loads, ended.log())
    assert (first["message"], first["price"], first["level"]) == ("sold 3 tickets", 17.5, "info")
    assert list(second) == ["time", "level", "process", "message", "customer", "error"]
    assert second["error"].startswith("ZeroDivisionError(")


def json_stdout(ended: Ended) -> None:
    first, second = (json.loads(line)["record"] for line in ended.output.splitlines())
    assert (first["message"], first["extra"]) == ("started", {"version": "1.4"})
    assert (second["message"], second["process"]["name"]) == ("from a child", "child")


def host(ended: Ended) -> None:
    assert ended.output == f"{os.uname().nodename} shop-1.4 started\n"


def utc(ended: Ended) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z the same in every zone\n", ended.output)


def elapsed(ended: Ended) -> None:
    (first, loading), (second, loaded) = re.findall(r"^ +([\d.]+) s (\w+)$", ended.output, re.MULTILINE)
    assert (loading, loaded) == ("loading", "loaded")
    assert float(second) - float(first) >= 0.249


def own_method(ended: Ended) -> None:
    assert ended.output == "* \x1b[30m\x1b[43mNOTICE\x1b[0m open_shop: the shop is open\n"


def colour_rules(ended: Ended) -> None:
    assert ended.output == "starting\nquery \x1b[32m0.02 s\x1b[0m\nreport \x1b[31m12.50 s\x1b[0m\n"


def sample(ended: Ended) -> None:
    levels = Counter(line.split()[0] for line in ended.log())
    assert levels["WARNING"] == 5
    assert 350 < levels["INFO"] < 650  # Seven times as far from 500 as such numbers usually are.


def uncaught(ended: Ended) -> None:
    lines = ended.log()
    assert [line for line in lines if line.startswith(("ERROR", "CRITICAL"))] == [
        "ERROR the thread counter has died",
        "ERROR Exception in callback int('seven')",
        "CRITICAL the program ends by an error",
    ]
    errors = [line.split()[-1] for line in lines if line.startswith("ValueError: invalid literal")]
    assert errors == ["'six'", "'seven'", "'eight'"]


def exit_code(ended: Ended) -> None:
    assert ended.log()[:2] == ["INFO started", "ERROR the program has failed"]
    assert ended.log()[-1] == "ZeroDivisionError: division by zero"


def reraise(ended: Ended) -> None:
    lines = ended.log()
    assert (lines[0], lines[-1]) == ("WARNING no settings", "INFO using the defaults")
    assert lines[-2].startswith("FileNotFoundError:")


def timing(ended: Ended) -> None:
    (line,) = ended.log()
    found = re.fullmatch(r"INFO main a nap took ([\d.]+) s \{'seconds': ([\d.]+)\}", line)
    assert found is not None
    assert found[1] == found[2]
    assert float(found[1]) >= 0.05


def subprocess_output(ended: Ended) -> None:
    *lines, last = ended.log()
    assert last == "ERROR counter ended with status 1"
    assert [line for line in lines if line.startswith("INFO")] == ["INFO counter one {1}", "INFO counter two"]
    assert [line for line in lines if line.startswith("WARNING")] == ["WARNING counter no more"]
    assert len(lines) == 3


def tasks(ended: Ended) -> None:
    of = {number: [line for line in ended.log() if line.startswith(f"r-{number} ")] for number in (1, 2)}
    assert of == {n: [f"r-{n} begun", f"r-{n} reading", f"r-{n} reading", f"r-{n} done"] for n in (1, 2)}


def pools(ended: Ended) -> None:
    things = ["book", "pen", "lamp", "bulb"]
    assert Counter(ended.log()) == Counter(f"{order} packs {thing}" for order in (17, 18) for thing in things)


def midnight_and_size(ended: Ended) -> None:
    assert [line.partition(" ")[2] for line in ended.log()] == [f"line {number}" for number in range(1500)]
    archives = list(ended.here.glob("app.*.log.gz"))
    assert len(archives) >= 2
    assert all(len(gzip.decompress(path.read_bytes())) <= 20_000 for path in archives)


def total_size(ended: Ended) -> None:
    old = [path for path in ended.here.iterdir() if path.name != "app.log"]
    assert 40_000 < sum(path.stat().st_size for path in old) <= 50_000
    lines = ended.log()
    assert lines == [f"line {number}" for number in range(20_000)][-len(lines) :]


def own_compression(ended: Ended) -> None:
    archives = sorted((ended.here / "archive.logs").iterdir())
    assert all(path.name.endswith(".log.xz") for path in archives)
    old = b"".join(lzma.decompress(path.read_bytes()) for path in archives).decode().splitlines()
    assert [*old, *ended.log()] == [f"line {number}" for number in range(2000)]
    assert [path.name for path in ended.here.glob("app*")] == ["app.log"]


def progress(ended: Ended) -> None:
    assert "3 is a strange number" in re.split(r"[\r\n]", re.sub(r" {2,}", "", ended.said))
    assert "100%" in ended.said


CHECKS: dict[str, Callable[[Ended], None]] = {
    check.__name__: check
    for check in (
        by_bind,
        colour_rules,
        elapsed,
        errors_too,
        exit_code,
        host,
        job_files,
        json_lines,
        json_stdout,
        level_files,
        midnight_and_size,
        own_compression,
        own_method,
        pools,
        progress,
        reraise,
        sample,
        subprocess_output,
        tasks,
        terminal_only,
        timing,
        total_size,
        uncaught,
        utc,
        worker_files,
    )
}
"""What a recipe must have done, beside what its page shows."""

STATUS = {"exit_code": 3, "uncaught": 1}
SPEAKS = {"progress"}
"""Those that write to standard error."""

STARTED_OTHERWISE = {"mail", "no_errors_in_tests", "notify", "syslog"}
"""Those that need somebody at the other end."""


@pytest.mark.parametrize("name", sorted(SOURCES.keys() - STARTED_OTHERWISE))
def test_a_recipe_does_what_its_page_says(name: str, program: Program) -> None:
    """One run; its status, its output, its files, and nothing on standard error that is not meant."""
    ended = program.run(SOURCES[name], status=STATUS.get(name, 0), silent=name not in SPEAKS)
    prints, writes = shown("recipe prints", name), shown("recipe writes", name)
    for _, text in prints:
        assert comparable(ended.output, name) == comparable(text, name)
    for file, text in writes:
        assert comparable((ended.here / file).read_text(), name) == comparable(text, name)
    assert prints or writes or name in CHECKS, "nothing says what comes out"
    if name in CHECKS:
        CHECKS[name](ended)


def test_the_page_has_all_recipes_as_they_are() -> None:
    """`python docs/refresh.py` brings the page up to date."""
    on_page = {block.what: block.blocks[0] for block in marked("recipe")}
    assert on_page == {f"{name}.py": source for name, source in SOURCES.items()}
    assert len(on_page) >= 30


def test_every_output_on_the_page_is_that_of_a_recipe() -> None:
    """A wrong name in a comment would leave its block unchecked."""
    blocks = [*marked("recipe prints"), *marked("recipe writes")]
    named = {block.what.split()[0].removesuffix(".py") for block in blocks}
    assert named <= SOURCES.keys() - STARTED_OTHERWISE


def test_the_screen_gets_warnings_where_there_is_one(program: Program) -> None:
    """The recipe for terminals, at a terminal: what it writes there is coloured."""
    ours, theirs = pty.openpty()
    try:
        ended = program.start(SOURCES["terminal_only"], stderr=theirs).wait()
        os.close(theirs)
        seen = os.read(ours, 1000).decode()
    finally:
        os.close(ours)
    terminal_only(ended)
    assert re.sub(r"\x1b\[\d+m", "", seen).split() == ["for", "whoever", "looks,", "too"]
    assert seen.startswith("\x1b[")


@contextlib.contextmanager
def served(server: socketserver.BaseServer) -> Iterator[None]:
    """Let *server* answer in a thread."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_one_is_notified_by_http(program: Program) -> None:
    """Of what is critical, and of nothing else."""
    bodies = []

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Answers)
    with served(server):
        ended = program.run(SOURCES["notify"], f"http://127.0.0.1:{server.server_port}/")
    assert bodies == [{"text": "CRITICAL: the shop is closed"}]
    assert ended.log() == ["for the file", "the shop is closed"]


def test_one_is_notified_by_mail(program: Program) -> None:
    """The text is the message."""
    letters = []

    class Post(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            for line in self.rfile:
                if line.upper().startswith(b"DATA"):
                    self.wfile.write(b"354 go on\r\n")
                    letters.append(b"".join(iter(self.rfile.readline, b".\r\n")).decode())
                self.wfile.write(b"250 well\r\n")
                if line.upper().startswith(b"QUIT"):
                    return

    server = socketserver.TCPServer(("127.0.0.1", 0), Post)
    with served(server):
        program.run(SOURCES["mail"], server.server_address[1])
    (letter,) = letters
    assert "Subject: The shop needs you" in letter
    assert letter.rstrip().endswith(" the shop is closed")


def test_syslog_gets_the_record(program: Program) -> None:
    """With the priority of an error of a user's program."""
    with tempfile.TemporaryDirectory() as place, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(Path(place, "log")))  # Paths of sockets are short, so not below the directory of the test.
        program.run(SOURCES["syslog"], Path(place, "log"))
        daemon.settimeout(5)
        assert re.fullmatch(rb"<11>shop\[\d+\]: no answer from the bank\x00", daemon.recv(1000))


def test_a_test_that_logs_an_error_fails(program: Program, tmp_path: Path) -> None:
    """The recipe for tests, under pytest: the test itself passes, and its end does not."""
    script = program.script(SOURCES["no_errors_in_tests"], "test_shop.py")
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(script)],
        cwd=tmp_path,
        env=program.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert re.search(r"\b2 passed, 1 error\b", ended.stdout), ended.stdout + ended.stderr
    assert "['-1 tickets were asked for'] == []" in ended.stdout
