"""Who has a file open."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mplog._ring import byte_lock
from mplog._sinks.file import presence

pytestmark = pytest.mark.skipif(not byte_lock.SUPPORTED, reason="there are no locks of open files here")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "app.log"
    found.touch()
    return found


def opened(path: Path) -> int:
    return os.open(path, os.O_RDWR)


def test_seen_until_closed(path: Path) -> None:
    """Others see it, also through a descriptor for reading, as long as the file is open."""
    one, other = opened(path), os.open(path, os.O_RDONLY)
    assert not presence.is_used(other)
    assert presence.announce(one)
    assert (presence.is_used(other), presence.is_used(one)) == (True, False)
    os.close(os.open(path, os.O_RDONLY))  # Closing another descriptor takes nothing away.
    assert presence.is_used(other)
    os.close(one)
    assert not presence.is_used(other)
    os.close(other)


def test_exactly_one_is_the_last(path: Path) -> None:
    """Of several that leave, the last one is told so, and then nobody can begin until it has closed."""
    users = [opened(path) for _ in range(3)]
    assert all(presence.announce(fd) for fd in users)
    assert [presence.leave_last(fd) for fd in users] == [False, False, True]
    late = opened(path)
    assert not presence.announce(late)
    os.close(users[2])
    assert presence.announce(late)
    for fd in (*users[:2], late):
        os.close(fd)


def test_ends_with_a_killed_process(path: Path) -> None:
    """The kernel forgets who was killed."""
    source = (
        "import os, signal, sys\n"
        "from mplog._sinks.file import presence\n"
        "presence.announce(os.open(sys.argv[1], os.O_RDWR))\n"
        "os.write(1, b'here')\n"
        "signal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", source, str(path)], stdout=subprocess.PIPE) as user:
        assert user.stdout is not None
        assert user.stdout.read(4) == b"here"
        fd = opened(path)
        assert presence.is_used(fd)
        user.kill()
        user.wait()
        assert not presence.is_used(fd)
        os.close(fd)
