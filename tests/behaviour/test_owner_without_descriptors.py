"""An owner that has no descriptor left for the rings of its workers says so, and reads them as soon as it has one."""

from __future__ import annotations

import json

import pytest
from programs import Program, assert_once_in_order

OWNER = """
import json, os, resource, sys, time
from mplog import logger

how, workers = sys.argv[1], int(sys.argv[2])
logger.remove()
logger.add("app.log", format="{process.id} {message}")
logger.info("owner 0")
end, go = os.pipe()
resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48))
logged, tell = os.pipe()

def work(number):
    os.close(go)
    for count in range(5):
        logger.info("worker{} {}", number, count)
    os.write(tell, b"x")
    os.read(end, 1)  # Until the owner says so, or dies.
    os._exit(0)

pids = []
for number in range(workers):
    pids.append(os.fork())
    if not pids[-1]:
        work(number)
hog = []
for _ in range(workers):
    os.read(logged, 1)
deadline = time.monotonic() + 20
while logger.statistics().written < 1 + 5 * workers if how == "enough" else logger.health():
    assert time.monotonic() < deadline
    time.sleep(0.01)
done = logger.complete(timeout=1)
health, statistics = logger.health(), logger.statistics()
with open("said.txt", "w") as file:
    json.dump(
        {
            "descriptors": len(os.listdir("/proc/self/fd")) if how == "enough" else 0,
            "complete": bool(done),
            "kinds": [problem.kind for problem in health.problems],
            "health": str(health),
            "processes": len(statistics.processes),
            "emitted": statistics.emitted,
            "written": statistics.written,
            "in flight": statistics.in_flight,
        },
        file,
    )
if how == "hogs":
    while True:
        try:
            hog.append(os.dup(0))
        except OSError:
            break
if how != "killed":
    os.close(go)
    for pid in pids:
        os.waitpid(pid, 0)
if how == "killed":
    os.kill(os.getpid(), 9)
"""


def lines(workers: int) -> list[str]:
    return ["owner 0", *[f"worker{number} {count}" for number in range(workers) for count in range(5)]]


def test_one_descriptor_a_worker(program: Program) -> None:
    """Twenty-five workers and what else there is fit into forty-eight."""
    ended = program.run(OWNER, "enough", 25)
    said = json.loads((program.here / "said.txt").read_text())
    assert said["descriptors"] <= 25 + 18
    assert (said["complete"], said["kinds"], said["in flight"]) == (True, [], 0)
    assert_once_in_order(ended.log(), lines(25))


@pytest.mark.parametrize("how", ["ends", "hogs", "killed"])
def test_more_workers_than_descriptors(program: Program, how: str) -> None:
    """It says what is unread, and nothing of that is lost: read at its end, or by whoever comes next."""
    running = program.start(OWNER, how, 60)
    ended = running.wait(60)
    program.wait_for_members()
    said = json.loads((program.here / "said.txt").read_text())
    assert not said["complete"]
    assert said["kinds"].count("unread") == 1, said["health"]
    assert "cannot open ([Errno 24]" in said["health"]
    assert (said["processes"], said["emitted"]) == (61, 301)
    assert 0 < said["in flight"] == 301 - said["written"]
    assert f"{said['in flight']} records of other processes wait" in said["health"]
    assert "cannot read the records of further processes" in ended.said
    if how == "hogs":
        program.run("from mplog import logger; logger.remove(); logger.add('app.log')")
    if how == "killed":
        program.start("from mplog import logger; logger.remove(); logger.add('app.log')").wait()
    assert_once_in_order(ended.log(), lines(60))
    program.leaves_nothing()
