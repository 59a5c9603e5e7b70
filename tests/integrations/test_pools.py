"""joblib, dask, mpire, pathos, notebooks and progress bars with the recipes of the documentation."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from programs import FULL, Program, read_log
from serving import ledger

TASKS = 5000 if FULL else 200
DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLES = DOCS / "examples" / "pools"
PAGE = (DOCS / "how-to" / "pools.md").read_text()


def needed(name: str) -> str:
    """The example for a library, which must be there."""
    pytest.importorskip(name, reason=f"needs {name}, which the extra `recipes` brings")
    return (EXAMPLES / f"with_{name}.py").read_text()


@pytest.mark.parametrize("name", ["dask", "joblib", "mpire", "pathos"])
def test_a_pool_as_on_the_page(program: Program, name: str) -> None:
    """Each task's line is there once, with what was bound where the tasks were given away."""
    ended = program.run(needed(name))
    lines = ended.log("pool.log")
    assert Counter(line for line in lines if "job" in line) == Counter(f"INFO r-17 job {n} done" for n in range(300))
    assert lines.count("INFO - the sum is 44850") == 1


NOTES = """
    fd = os.open(f"calls-{os.getpid()}.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(fd, f"{number}\\n".encode())
    os.close(fd)
    if number % 97 == 96 and not os.path.exists(f"killed-{number}.txt"):
        open(f"killed-{number}.txt", "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
"""
"""What a task does when its log call has returned; some die then, the first time."""

AGAIN = {
    "joblib": "Parallel(n_jobs=2)(delayed(carried)(number) for number in todo())",
    "mpire": "WorkerPool(n_jobs=2).map(carried, todo())",
}
"""What does the tasks, again until each is noted; dask does so by itself."""
FAILS = {"dask": "", "joblib": "TerminatedWorkerError", "mpire": "RuntimeError"}
"""What the page says is raised when a process was killed."""


HARASSED = """
import glob, os, signal, sys
TASKS = {tasks}

def done():
    return {{int(line) for path in glob.glob("calls-*.txt") for line in open(path)}}

def todo():
    return [number for number in range(TASKS) if number not in done_before]
"""


@pytest.mark.parametrize("name", sorted(FAILS))
def test_a_pool_whose_workers_are_killed(program: Program, name: str) -> None:
    """What a task has logged is in the rotated log as often as it has run, whatever the pool makes of that."""
    source = needed(name).replace('"10 MB"', '"1 KB"')
    top, _, main = source.partition('if __name__ == "__main__":\n')
    top = top.replace('done", number)\n', 'done", number)' + NOTES)
    if name == "dask":
        begin = main[: main.index("\n") + 1].replace("threads_per_worker=2", "threads_per_worker=1")
        body = "        client.gather(client.map(carry(work), range(TASKS)))\n"
    else:
        begin = "    carried = carry(work)\n    while len(done_before := done()) < TASKS:\n        try:\n"
        body = f"            {AGAIN[name]}\n        except Exception as error:\n            logger.error(repr(error))\n"
    main = begin + body
    program.run(
        HARASSED.format(tasks=TASKS) + top + 'if __name__ == "__main__":\n' + main, silent=False, warnings="ignore"
    )
    killed = len(list(program.here.glob("killed-*.txt")))
    assert killed == TASKS // 97
    assert len(list(program.here.glob("*.gz"))) > 1
    logged = Counter(
        found[1] for line in read_log(program.here, "pool.log") if (found := re.search(r" job (\d+) done$", line))
    )
    noted = Counter(line for path in program.here.glob("calls-*.txt") for line in path.read_text().split())
    assert set(noted) == set(map(str, range(TASKS)))
    assert {each: (noted[each], logged[each]) for each in noted if logged[each] < noted[each]} == {}
    errors = [line for line in read_log(program.here, "pool.log") if line.startswith("ERROR - ")]
    assert [line for line in errors if FAILS[name] in line] or name == "dask"
    # Another one of the pool's processes may be ended between its log call and its note, when the pool gives up.
    assert sum(logged.values()) - sum(noted.values()) <= 2 * killed
    assert len(ledger(program)) == TASKS


def screen(text: str) -> list[str]:
    """What a terminal shows of *text*, where carriage returns go back to the beginning of a line."""
    rows = []
    for row in text.split("\n"):
        shown = ""
        for part in row.split("\r"):
            shown = part + shown[len(part) :]
        rows.append(shown.rstrip())
    return rows


@pytest.mark.parametrize("name", ["tqdm", "rich"])
def test_lines_beside_a_progress_bar(program: Program, name: str) -> None:
    """Each line stands whole on a line of its own, and the bar reaches its end."""
    ended = program.run((EXAMPLES / f"with_{name}.py").read_text(), silent=False, environment={"COLUMNS": "80"})
    rows = screen(ended.said)
    expected = {"SUCCESS  all done", *(f"WARNING  job {n} is a round one" for n in (0, 100, 200))}
    assert {row for row in rows if "job" in row or "done" in row} == expected
    assert len([row for row in rows if "job" in row]) == 3
    assert [row for row in rows if "100%" in row]


NOTEBOOK = """
import json, sys, nbformat
from nbclient import NotebookClient
cells = json.loads(sys.argv[1])
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells])
NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
print(json.dumps(["".join(str(each.get("text", each)) for each in cell.outputs) for cell in notebook.cells]))
"""


def test_a_notebook(program: Program) -> None:
    """Cells as on the page; the one that configures may be run again, and no line comes twice for that."""
    for module in ("nbclient", "ipykernel"):
        pytest.importorskip(module, reason=f"needs {module}, which the extra `recipes` brings")
    configures, works = re.findall(r"<!-- cell -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    cells = [configures, configures, works, configures, works]
    ended = program.start(NOTEBOOK, json.dumps(cells), warnings="ignore").wait(within=90)
    assert ended.status == 0, ended
    program.leaves_nothing()
    outputs = json.loads(ended.output)
    lines = [f"INFO job {n} done" for n in range(4)]
    assert [sorted(each.splitlines()) for each in outputs] == [[], [], lines, [], lines]
    assert Counter(read_log(program.here, "notebook.log")) == Counter({f"job {n} done": 2 for n in range(4)})
