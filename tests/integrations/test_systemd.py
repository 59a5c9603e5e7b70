"""A real systemd, as the manager of a user, in namespaces of its own.

Services are stopped, killed, started again, rotated by logrotate, and their standard output goes to a real journal.
"""

from __future__ import annotations

import collections
import contextlib
import fcntl
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SYSTEMD = Path("/lib/systemd/systemd")
HIERARCHIES = [
    path
    for path in (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/systemd"), Path("/sys/fs/cgroup/unified"))
    if (path / "cgroup.procs").exists()
]

SERVICE = """
import os, signal, struct, sys, time
from multiprocessing import Process
from mplog import logger

logger.remove()
logger.add(os.path.join(os.environ["LOGS_DIRECTORY"], "app.log"), format="{message}", rotation="20 KB")

def work():
    pid, count = os.getpid(), 0
    with open(os.path.join(os.environ["ACKNOWLEDGED"], str(pid)), "wb") as file:
        while True:
            logger.info("{} {}", pid, count)
            count += 1
            os.pwrite(file.fileno(), struct.pack("q", count), 0)
            time.sleep(0.001)

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    processes = [Process(target=work, daemon=True) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.exit(1)
"""

ROTATED = """
import os, signal, time
from multiprocessing import Process
from mplog import logger

logger.remove()
logger.add(os.path.join(os.environ["LOGS_DIRECTORY"], "app.log"), format="{message}")

def work(number):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for count in range(2000):
        logger.info("worker{} {}", number, count)
        time.sleep(0.001)

if __name__ == "__main__":
    signal.signal(signal.SIGHUP, lambda number, frame: logger.reopen())
    processes = [Process(target=work, args=(number,)) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
"""

UNIT = """
[Service]
ExecStart={python} -W error {script}
ExecReload=kill -HUP $MAINPID
LogsDirectory=app
RuntimeDirectory=app
RuntimeDirectoryPreserve=yes
Environment=MPLOG_RUNTIME_DIR=%t/app ACKNOWLEDGED={acknowledged} PYTHONPATH={importable}
StandardOutput={output}
StandardError=append:{here}/said
Restart=on-failure
RestartSec=100ms
TimeoutStopSec=20
"""

INSIDE = """
set -e
mount -t tmpfs tmpfs /run
# Else it would be the groups of the machine that the manager works in.
{groups}
mkdir -p /run/systemd/system /run/systemd/journald.conf.d /run/log/journal /run/user
mkdir -m 700 /run/user/0
printf '[Journal]\\nAudit=no\\nReadKMsg=no\\nStorage=volatile\\n' >/run/systemd/journald.conf.d/test.conf
export XDG_RUNTIME_DIR=/run/user/0 HOME={here}/home XDG_CONFIG_HOME={here}/home/.config
export XDG_STATE_HOME={here}/home/.local/state
unset DBUS_SESSION_BUS_ADDRESS
{systemd} --user >{here}/systemd.txt 2>&1 &
for _ in $(seq 200); do systemctl --user is-system-running >/dev/null 2>&1 && break; sleep 0.05; done
systemctl --user is-system-running
acknowledged() {{ find {here}/acknowledged -size +0 | wc -l; }}
logging() {{ for _ in $(seq 400); do [ $(acknowledged) -ge $1 ] && break; sleep 0.05; done; sleep 0.5; }}
{steps}
"""


def can() -> bool:
    """Whether all that these tests use is here and allowed."""
    if os.geteuid() or not SYSTEMD.exists() or not all(map(shutil.which, ("unshare", "systemctl"))):
        return False
    try:
        for hierarchy in HIERARCHIES:
            (hierarchy / f"mplog-try-{os.getpid()}").mkdir()
            (hierarchy / f"mplog-try-{os.getpid()}").rmdir()
    except OSError:
        return False
    command = [
        "unshare",
        "--mount",
        "--pid",
        "--cgroup",
        "--fork",
        "--mount-proc",
        "mount",
        "-t",
        "tmpfs",
        "tmpfs",
        "/run",
    ]
    return bool(HIERARCHIES) and subprocess.run(command, capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not can(), reason="no systemd, or no namespaces and control groups to run it in")


class Manager:
    """A service manager that runs some steps."""

    def __init__(self, here: Path) -> None:
        self.here = here
        self.units = here / "home" / ".config" / "systemd" / "user"
        self.groups = [path / f"mplog-test-{os.getpid()}" for path in HIERARCHIES]
        self.units.mkdir(parents=True)
        (here / "acknowledged").mkdir()

    def unit(self, source: str | Path, output: str = "null") -> None:
        """Make the unit ``app`` of a program."""
        script = source if isinstance(source, Path) else self.here / "service.py"
        if isinstance(source, str):
            script.write_text(source)
        (self.units / "app.service").write_text(
            UNIT.format(
                python=sys.executable, script=script, here=self.here, acknowledged=self.here / "acknowledged",
                importable=ROOT, output=output,
            )
        )  # fmt: skip

    def run(self, steps: str) -> str:
        """Start it, run *steps* in the shell, and end all of it; what they printed."""
        for group in self.groups:
            group.mkdir()
        join = " && ".join(f"echo $$ >{group}/cgroup.procs" for group in self.groups)
        inside = self.here / "inside.sh"
        hidden = [
            path.parent for path in Path("/sys/fs/cgroup").glob("*/cgroup.procs") if path.parent not in HIERARCHIES
        ]
        hides = [] if HIERARCHIES[0].name == "cgroup" else [f"mount -t tmpfs tmpfs {path}" for path in hidden]
        own = "\n".join([*hides, *(f"mount --bind {group} {group.parent}" for group in self.groups)])
        inside.write_text(INSIDE.format(here=self.here, systemd=SYSTEMD, groups=own, steps=steps))
        unshare = "unshare --mount --pid --cgroup --fork --mount-proc --kill-child"
        ended = subprocess.run(
            ["sh", "-c", f"{join} && exec {unshare} bash {inside}"],
            capture_output=True, text=True, check=False, timeout=90,
            env={name: value for name, value in os.environ.items() if not name.startswith(("MPLOG_", "XDG_"))},
        )  # fmt: skip
        manager = (self.here / "systemd.txt").read_text() if (self.here / "systemd.txt").exists() else ""
        assert ended.returncode == 0, ended.stdout + ended.stderr + manager
        return ended.stdout

    def log(self) -> collections.Counter[str]:
        """All lines of the service's log, with the files of logrotate."""
        found: collections.Counter[str] = collections.Counter()
        for path in (self.here / "home").rglob("app*.log*"):
            content = path.read_bytes()
            found.update((gzip.decompress(content) if path.suffix == ".gz" else content).decode().split("\n")[:-1])
        return found

    def said(self) -> str:
        """What the service wrote to standard error."""
        path = self.here / "said"
        return path.read_text() if path.exists() else ""

    def close(self) -> None:
        """Take the control groups away, once their processes have ended."""
        deadline = time.monotonic() + 10
        for group in self.groups:
            while group.exists():
                for path, _, _ in os.walk(group, topdown=False):
                    with contextlib.suppress(OSError):
                        os.rmdir(path)
                assert time.monotonic() < deadline, f"{group} is still in use"
                time.sleep(0.02)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    """A service manager, and nothing of it is left."""
    with open(Path(tempfile.gettempdir(), "mplog-test-systemd.lock"), "w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)  # Two managers at a time may meet in a control group of the same name.
        found = Manager(tmp_path)
        yield found
        found.close()


@pytest.mark.parametrize(
    ("steps", "starts"),
    [
        pytest.param("systemctl --user stop app", 1, id="stopped"),
        pytest.param(
            "kill -9 $(systemctl --user show app -p MainPID --value); logging 6; systemctl --user stop app",
            2,
            id="main process killed, started again",
        ),
        pytest.param(
            "systemctl --user kill -s KILL app; logging 6; systemctl --user stop app",
            2,
            id="all killed, started again",
        ),
        pytest.param(
            "systemctl --user stop app; systemctl --user start app; logging 6; systemctl --user restart app; logging 9;"
            "systemctl --user stop app",
            3,
            id="restarted",
        ),
    ],
)
def test_every_acknowledged_line_is_there_once(manager: Manager, steps: str, starts: int) -> None:
    """With what systemd does to a service: signals for all of its processes at once, a new start where it failed."""
    manager.unit(SERVICE)
    manager.run(
        f"systemctl --user start app; logging 3; {steps}; ls -A /run/user/0/app/mplog-0 >{manager.here}/left || true"
    )
    found = manager.log()
    assert not {line: count for line, count in found.items() if count > 1}
    acknowledged = list((manager.here / "acknowledged").iterdir())
    assert len(acknowledged) == 3 * starts
    for path in acknowledged:
        returned = int.from_bytes(path.read_bytes(), "little")
        own = {line for line in found if line.startswith(f"{path.name} ")}
        expected = {f"{path.name} {count}" for count in range(returned)}
        assert expected <= own, f"{len(expected - own)} of {returned} lines of one worker are missing"
        assert own - expected <= {f"{path.name} {returned}"}
    assert (manager.here / "left").read_text() == ""
    strange = [line for line in manager.said().splitlines() if "is gone" not in line]
    assert not strange


@pytest.mark.skipif(shutil.which("logrotate") is None, reason="logrotate is not installed")
def test_logrotate_and_reload(manager: Manager) -> None:
    """Files that logrotate has moved away are left for new ones, and nothing is lost or doubled."""
    manager.unit(ROTATED)
    (manager.here / "logrotate.conf").write_text(
        f"""{manager.here}/home/.config/log/app/app.log {manager.here}/home/.local/state/log/app/app.log {{
            rotate 50
            compress
            delaycompress
            missingok
            postrotate
                systemctl --user reload app
            endscript
        }}
        """
    )
    manager.run(
        f"systemctl --user start app; for _ in 1 2 3 4; do "
        f"until find {manager.here}/home -name app.log -size +0 | grep -q .; do sleep 0.05; done; "
        f"logrotate -f -s {manager.here}/state {manager.here}/logrotate.conf; done; "
        "while systemctl --user is-active -q app; do sleep 0.1; done"
    )
    expected = collections.Counter(f"worker{number} {count}" for number in range(3) for count in range(2000))
    assert manager.log() == expected
    assert len(list((manager.here / "home").rglob("app.log.*.gz"))) >= 2
    assert manager.said() == ""


@pytest.mark.skipif(not Path("/lib/systemd/systemd-journald").exists(), reason="there is no journal")
def test_the_journal_gets_lines_with_their_priorities(manager: Manager) -> None:
    """The example of the page, with its standard output in the journal."""
    manager.unit(ROOT / "docs" / "examples" / "journal.py", output="journal")
    shown = manager.run(
        """
        /lib/systemd/systemd-journald >/dev/null 2>&1 &
        for _ in $(seq 200); do [ -S /run/systemd/journal/stdout ] && break; sleep 0.05; done
        systemctl --user start app
        shown() { journalctl --no-pager -q -D /run/log/journal/* -o json; }
        for _ in $(seq 100); do shown | grep -q 'no such order' && break; sleep 0.05; done
        shown
        """
    )
    records = [json.loads(line) for line in shown.splitlines() if line.startswith("{")]
    ours = [(record["PRIORITY"], record["MESSAGE"]) for record in records if record["MESSAGE"].startswith("__main__: ")]
    assert ours == [("6", "__main__: ready"), ("3", "__main__: no such order")]
