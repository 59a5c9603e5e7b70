"""The guard of a session of strangers: a program that waits until none of its processes is left, and looks then.

Started by guarding.py, as a file, with nothing of mplog: it lies in one `poll` and shall cost as little as it can.

Descriptor 3 is the session's doorbell, opened for reading only. (Number 0 a shell takes away from what it starts in the
background.) Each process of the session has that open for writing as long as it lives, so the kernel tells when the
last one is gone, however it ended. Where it ended the session in good order there is nothing left to do.
"""

from __future__ import annotations

# The module `signal` around it takes as long to import as all the rest of this program.
import _signal  # type: ignore[import-not-found]  # no stub has it
import os
import select
import sys

BELL = 3

SECOND = "from mplog._logger.recovering import recover_session; import sys; recover_session(sys.argv[1])"


def main(session: str) -> None:
    """Wait, and have what is left of the session at the path *session* written, by this program's second half."""
    os.setsid()
    os.chdir("/")
    _close_others()
    # A signal for all that belongs to a service comes here, too, and what it ends is what is waited for.
    for name in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"):
        _signal.signal(getattr(_signal, name), _signal.SIG_IGN)
    poll = select.poll()
    poll.register(BELL, 0)
    poll.poll()
    # SYNC finish -> guard: a host that ends in good order removes the session before it closes its doorbell.
    if os.path.exists(session):
        os.close(BELL)
        os.execv(sys.executable, [sys.executable, "-c", SECOND, session])
    os._exit(0)  # Nothing is left to be taken apart.


def _close_others() -> None:
    """What the program has left open for programs that it starts: somebody may wait for the end of it."""
    try:
        found = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        found = list(range(1024))
    for fd in found:
        if fd > BELL:
            try:
                os.close(fd)
            except OSError:  # That of the listing.
                continue


if __name__ == "__main__":
    main(sys.argv[1])
