"""Death is proven, never guessed."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

from mplog._session.identity import is_dead, myself, start_token


def test_a_living_process_is_not_dead() -> None:
    """This process lives."""
    assert not is_dead(myself())


def test_a_used_again_pid_is_dead() -> None:
    """The same pid with another start time is another process."""
    forged = dataclasses.replace(myself(), start=myself().start + 1)
    assert is_dead(forged)


def test_another_boot_is_dead() -> None:
    """Nothing of an earlier boot lives."""
    assert is_dead(dataclasses.replace(myself(), boot=b"x" * 16))


def test_another_namespace_is_unsure_and_unsure_means_alive() -> None:
    """A pid of another pid namespace proves nothing here."""
    assert not is_dead(dataclasses.replace(myself(), namespace=1, pid=2**22 - 1))


def test_an_ended_process_is_dead_even_as_a_zombie() -> None:
    """A process that nobody has waited for runs no code any more."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    who = dataclasses.replace(myself(), pid=child.pid, start=start_token(child.pid) or 0)
    assert not is_dead(who)
    assert child.stdin is not None
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_dead(who)
    child.wait()
    assert is_dead(who)


def test_an_unknown_boot_proves_nothing() -> None:
    """Where the system did not tell, which may have been a passing trouble."""
    assert not is_dead(dataclasses.replace(myself(), boot=bytes(16)))


def test_too_many_open_files() -> None:
    """Nobody is taken for dead while no file can be opened, and the truth is known afterwards."""
    source = """
import dataclasses, os, resource
from mplog._session.identity import Identity, boot_id, is_dead, start_token
boot, pid = open("/proc/sys/kernel/random/boot_id").read(), os.getppid()
import uuid
who = Identity(pid, start_token(pid), uuid.UUID(boot.strip()).bytes, os.stat("/proc/self/ns/pid").st_ino)
resource.setrlimit(resource.RLIMIT_NOFILE, (0, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
assert not is_dead(who)
resource.setrlimit(resource.RLIMIT_NOFILE, (100, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
assert boot_id() == who.boot and not is_dead(who)
assert is_dead(dataclasses.replace(who, start=who.start + 1))
"""
    subprocess.run([sys.executable, "-c", source], check=True)
