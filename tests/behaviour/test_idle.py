"""A program that logs nothing is left alone: its owner wakes up some times a second, its workers never. Field note K6.

Wake-ups are counted by the kernel; how long they take is a matter of benchmarks.
"""

from __future__ import annotations

import json

from programs import Program

IDLE = """
import json, os, re, time
from mplog import logger

def waits(pid):
    # How often the threads of a process have gone to sleep by now.
    found = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as file:
            found += int(re.search(r"^voluntary_ctxt_switches:\\s*(\\d+)", file.read(), re.MULTILINE)[1])
    return found

logger.remove()
logger.add("app.log", format="{process.id} {message}", rotation="1 MB")
lead, lag = os.pipe()
idle = os.fork()
if not idle:
    os.close(lag)
    logger.info("worker 0")
    logger.complete()
    os.read(lead, 1)  # Until the watcher ends.
    logger.info("worker 1")
    os._exit(0)
owner = os.getpid()
watcher = os.fork()
if not watcher:
    logger.complete()
    with open("app.log") as file:
        while "worker 0" not in file.read():
            file.seek(0)
            time.sleep(0.01)
    # Who has just written something looks for more for a while; then there is quiet.
    deadline, rates = time.monotonic() + 10, [1000, 1000]
    while (rates[0] > 25 or rates[1] > 2) and time.monotonic() < deadline:
        before, began = [waits(owner), waits(idle)], time.monotonic()
        time.sleep(1)  # What is measured is a rate.
        took = time.monotonic() - began
        rates = [(late - early) / took for early, late in zip(before, [waits(owner), waits(idle)])]
    with open("waits.txt", "w") as file:
        json.dump(rates, file)
    os._exit(0)
os.close(lag)
for child in (watcher, idle):
    assert os.waitpid(child, 0)[1] == 0
"""


def test_wake_ups(program: Program) -> None:
    """At most about twenty a second in an owner, none in a worker; what comes then is written as ever."""
    ended = program.run(IDLE)

    owner, worker = json.loads((ended.here / "waits.txt").read_text())
    assert owner <= 25
    assert worker <= 2
    assert [line.split()[1:] for line in ended.log()] == [["worker", "0"], ["worker", "1"]]
