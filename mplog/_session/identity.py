"""Who a process is, so that its death can be proven: pid, start token, boot, pid namespace.

A pid alone is not enough: pids are reused. A pid with the start time that the kernel gives is unique
within one boot and one pid namespace; outside of these nothing is known, and unsure means alive.

This is what decides where the kernel lock of life.py does not tell.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from mplog._ring import clock


@dataclass(frozen=True, slots=True)
class Identity:
    """One process, for ever: two processes never compare equal, also when a pid is used again."""

    pid: int
    start: int
    boot: bytes
    namespace: int


UNKNOWN_BOOT = bytes(16)

_boot: bytes | None = None


def boot_id() -> bytes:
    """16 bytes that change with each boot of the machine; zeros where the system does not tell."""
    global _boot
    if _boot is None:
        try:
            with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
                boot = bytes.fromhex(file.read().strip().replace("-", ""))
            _boot = boot if len(boot) == len(UNKNOWN_BOOT) else UNKNOWN_BOOT
        except (FileNotFoundError, ValueError):
            _boot = UNKNOWN_BOOT
        except OSError:
            return UNKNOWN_BOOT  # Such as too many open files: the next look may tell.
    return _boot


def pid_namespace() -> int:
    """A number for the pid namespace of this process; 0 where there are none."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0


def _stat_fields(pid: int) -> list[bytes]:
    """The fields of /proc/PID/stat after the command name, which may contain anything; [0] is the state."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()


def start_token(pid: int) -> int | None:
    """When *pid* started, in the kernel's own unit; None when there is no such (living) process.

    A zombie counts as dead, unless it is only the first thread that has ended. 0 where the system does not tell.
    """
    try:
        fields = _stat_fields(pid)
    except (FileNotFoundError, ProcessLookupError):
        # Also where /proc is there: it may be mounted so that it shows other users' processes to nobody.
        return _start_without_proc(pid)
    except OSError:
        return 0
    if fields[0] in (b"Z", b"X", b"x") and int(fields[17]) <= 1:
        return None
    ahead = clock.offset("boottime")
    if not ahead:
        return 0 if ahead is None else int(fields[19])
    ticks, rest = divmod(ahead, 1_000_000_000 // os.sysconf("SC_CLK_TCK"))
    return 0 if rest else int(fields[19]) - ticks


def _start_without_proc(pid: int) -> int | None:
    if pid <= 0:
        return None
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return None
    except OSError:
        return 0
    return 0


def myself() -> Identity:
    """The identity of the calling process. Reads it afresh: a forked child is another one."""
    pid = os.getpid()
    return Identity(pid, start_token(pid) or 0, boot_id(), pid_namespace())


def is_dead(who: Identity) -> bool:
    """Whether *who* is proven dead. False when it lives and when nothing can be proven from here."""
    boot = boot_id()
    if UNKNOWN_BOOT in (who.boot, boot):
        if who.boot != boot:
            return False
    elif who.boot != boot:
        return True
    if who.namespace != pid_namespace():
        return False
    found = start_token(who.pid)
    return found is None or (found != 0 and who.start != 0 and found != who.start)


def is_untold(who: Identity) -> bool:
    """Whether nothing is proven of *who* from here, dead or alive: it says that it is of another pid namespace."""
    return who.namespace != pid_namespace() and not is_dead(who)


def runs_apart(pid: int) -> bool:
    """Whether the process *pid* has another user or root directory than this one, or lacks some capability of it."""
    try:
        mine, theirs = _rights("self"), _rights(str(pid))
        return theirs[0] != mine[0] or bool(mine[1] & ~theirs[1]) or not os.path.samefile(f"/proc/{pid}/root", "/")
    except (OSError, KeyError, ValueError):
        return False


def _rights(pid: str) -> tuple[int, int]:
    """The effective user and the capabilities of a process."""
    with open(f"/proc/{pid}/status", encoding="utf8", errors="replace") as file:
        fields = dict(line.split(":", 1) for line in file)
    return int(fields["Uid"].split()[1]), int(fields["CapEff"], 16)


def may_become_another() -> bool:
    """Whether this process may change to any user that it likes, as far as its own user tells."""
    return 0 in (os.getresuid() if hasattr(os, "getresuid") else (os.geteuid(),))
