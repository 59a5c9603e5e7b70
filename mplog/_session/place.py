"""A session as found on disk: its paths and its control page, for the owner, its workers and whoever recovers it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from mplog._capture import process
from mplog._ring import life
from mplog._ring.digest import sha256
from mplog._ring.layout import ENDED, RUN_STATE, STOPPED, WAKE
from mplog._session import control, directory
from mplog._session.control import ControlPage
from mplog._session.identity import Identity, boot_id, is_dead, is_untold
from mplog._writer.doorbell import Doorbell

REGISTRY = "registry"

DOORBELL = "doorbell"

BACKLOG = "backlog"

BY_PID = "by-pid"
BY_AUTHKEY = "by-authkey"
INDEXES = (BY_PID, BY_AUTHKEY)
"""Directories beside the sessions, with links to them."""

ATTEMPTS = 100
"""Times that a directory is made again which others remove because it is empty, at most."""


class Place:
    """Where one session lives. The directory on the first base has the control page; rings may be on others, too."""

    __slots__ = ("_outlook", "control", "id", "path", "was_looked_for")

    def __init__(self, path: str, page: ControlPage) -> None:
        self.path = path
        self.id = page.session
        self.control = page
        self._outlook = directory.outlook()
        self.was_looked_for = False
        """Whether this process has found it by its environment or its parent, so that it may be another program's: only
        children that a library has started, or a fork, have it from its owner."""

    @property
    def ring_directories(self) -> list[str]:
        """Where the rings of this session can be: beside the control page first, then on the other bases."""
        name = self.id.hex()
        mine = os.path.join(self.path, "rings")
        others = [
            os.path.join(base, f"mplog-{self.control.uid}", "sessions", name, "rings") for base in self.control.bases
        ]
        return [mine, *[other for other in others if other != mine]]

    def make_ring_directories(self) -> Iterator[str]:
        """Those of `ring_directories` in which the owner finds what this process makes there, each made when it comes:
        most often the first one will do."""
        if os.geteuid() != self.control.uid:
            return
        if self.leads_elsewhere:
            # Perhaps that one leads where it did.
            yield from (path for path in self.ring_directories[:1] if self._is_ours)
            return
        yield from (path for path in self.ring_directories if _make_ring_directory(path))

    @property
    def leads_elsewhere(self) -> bool:
        """Whether paths do not name any more in this process what they named when it learnt of the session."""
        return directory.outlook() != self._outlook

    @property
    def is_out_of_reach(self) -> bool:
        """Whether this process may not, or cannot, use what lies in the session's directory any more.

        It has changed its user or its root since; what it has mapped it still has.
        """
        return os.geteuid() != self.control.uid or self.is_elsewhere

    @property
    def is_elsewhere(self) -> bool:
        """Whether the session's directory is not where this process looks for it, nor anything else."""
        return self.leads_elsewhere and not self._is_ours

    @property
    def _is_ours(self) -> bool:
        """Whether its path names the very directory that this process knows."""
        try:
            status = os.stat(os.path.join(self.path, control.NAME))
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self.control.file

    @property
    def ended(self) -> bool:
        """Whether the owner has ended its session in good order; it may live on."""
        return bool(self.control.words[RUN_STATE] == ENDED) and not self.control.is_in_service(self.path)

    @property
    def has_stopped(self) -> bool:
        """Whether the owner drains no ring any more, and has said so."""
        return bool(self.control.words[WAKE] == STOPPED) and not self.control.is_in_service(self.path)

    @property
    def owner_is_gone(self) -> bool:
        """Whether it is proven that the program that made it will never drain it again: it is dead, or was replaced."""
        given_up = self.control.is_given_up(self.path)
        return is_dead(self.control.identity) if given_up is None else given_up

    @property
    def owner_is_untold(self) -> bool:
        """Whether nothing tells if the program that made it runs: neither a lock nor, from here, its pid."""
        return self.control.is_given_up(self.path) is None and is_untold(self.control.identity)

    @property
    def is_served(self) -> bool:
        """Whether the owner drains its rings, as far as anybody can tell."""
        return not self.ended and not self.has_stopped and not self.owner_is_gone

    def name_family(self, authkeys: list[bytes]) -> None:
        """Let the processes that share one of *authkeys* find it; those that the first one names stay as they are."""
        base = os.path.dirname(os.path.dirname(self.path))
        for authkey in authkeys:
            _name(base, BY_AUTHKEY, _hashed(authkey), self.path, replace=False)

    def name_for(self, name: str) -> None:
        """Let it be found by *name* among those that begin with a pid."""
        _name(os.path.dirname(os.path.dirname(self.path)), BY_PID, name, self.path, replace=True)

    def first_to_say(self, what: str) -> bool:
        """Whether no process of this session has said *what* (part of a file name) before."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            os.close(os.open(os.path.join(self.path, f"said-{what}"), flags, 0o600))
        except OSError:
            return False
        return True

    @property
    def spill_directory(self) -> str:
        """Where records too large for a ring wait."""
        return os.path.join(self.path, "spill")

    def backlog_directory(self, route: int) -> str:
        """Where the rings are in which records wait for the file of *route*; see backlog.py of the writer."""
        return os.path.join(self.path, BACKLOG, str(route))

    @property
    def is_there(self) -> bool:
        """Whether the directory is still where processes look for it."""
        return os.path.exists(os.path.join(self.path, control.NAME))

    def make_again(self, authkeys: list[bytes]) -> ControlPage:
        """Make the directory again that somebody has deleted, for its owner; its new control page.

        Processes that have mapped the old page go on with that one.

        Raises:
            OSError: it cannot be made.
        """
        owner, sessions = self.control.identity, os.path.dirname(self.path)
        base = os.path.dirname(sessions)
        directory.make(os.path.dirname(base))
        directory.check_owner(os.path.dirname(base))
        for step in (base, sessions, self.path, os.path.join(self.path, "rings")):
            directory.private(step)
        doorbell = os.path.join(self.path, DOORBELL)
        with contextlib.suppress(FileExistsError):
            _make_doorbell(doorbell)
        _name_owner(base, owner, self.path)
        self.name_family(authkeys)
        # Last: it is what tells that the directory is there, so that what fails before is done again.
        return control.create(self.path, self.id, owner, self.control.bases)

    def open_doorbell(self) -> Doorbell:
        """Open what wakes its writer. Raises OSError when the session is gone."""
        return Doorbell(os.path.join(self.path, DOORBELL))

    def remove(self) -> None:
        """Delete what names the session, then its directories: cut short in between, it is still found and swept."""
        base = os.path.dirname(os.path.dirname(self.path))
        for index in INDEXES:
            with contextlib.suppress(OSError):
                for name in os.listdir(os.path.join(base, index)):
                    path = os.path.join(base, index, name)
                    with contextlib.suppress(OSError):
                        if os.readlink(path) == self.path:
                            os.unlink(path)
        for rings in self.ring_directories:
            session = os.path.dirname(rings)
            if os.path.isdir(session):
                directory.remove_tree(session)
                remove_if_empty(os.path.dirname(os.path.dirname(session)))
        remove_if_empty(base)


def _make_ring_directory(path: str) -> bool:
    """Make one directory for rings, with those above it; whether it is usable."""
    try:
        session = os.path.dirname(path)
        base = os.path.dirname(os.path.dirname(session))
        directory.check_owner(os.path.dirname(base))
        for step in (base, os.path.dirname(session), session, path):
            directory.private(step)
    except OSError:
        return False
    return True


def remove_if_empty(base: str) -> None:
    """Remove the user's directory *base* when nothing is left in it."""
    for name in ("sessions", *INDEXES, "files"):
        with contextlib.suppress(OSError):
            os.rmdir(os.path.join(base, name))
    with contextlib.suppress(OSError):
        os.rmdir(base)


def open_place(path: str) -> Place:
    """Map the session at *path*.

    Raises:
        OSError: there is none that this user may use.
        ValueError: its control page is damaged, or of another version.
    """
    status = os.lstat(path)
    if status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise PermissionError(f"{path} is not private to user {os.geteuid()}; it is not used")
    page = control.open_existing(path)
    # A hidden one, which its maker has not completed, ends so.
    if not os.path.basename(path).endswith(page.session.hex()):
        page.close()
        raise ValueError(f"{path} has the control page of session {page.session.hex()}")
    return Place(path, page)


def is_held(path: str) -> bool:
    """Whether the program that made the session at *path* lives, though its control page may say nothing."""
    with contextlib.suppress(OSError):
        return bool(life.is_held_at(os.path.join(path, control.NAME)))
    return False


def make_place(owner: Identity, authkeys: list[bytes]) -> Place:
    """Make a session directory for *owner*, found by its pid and by the hashes of *authkeys*.

    Raises:
        OSError: no runtime directory can be used.
    """
    for _ in range(3):
        # Another process may remove the empty directories of its ended session while we fill them.
        with contextlib.suppress(FileNotFoundError):
            return _make_place(owner, authkeys)
    return _make_place(owner, authkeys)


def _make_place(owner: Identity, authkeys: list[bytes]) -> Place:
    session = os.urandom(16)
    base = directory.new_base()
    sessions = directory.private(os.path.join(base, "sessions"))
    # Complete before it has its name; the hidden name tells who made it, so that a dead maker's is swept.
    hidden = directory.private(os.path.join(sessions, f".{named(owner)}-{session.hex()}"))
    directory.private(os.path.join(hidden, "rings"))
    _make_doorbell(os.path.join(hidden, DOORBELL))
    page = control.create(hidden, session, owner, directory.candidates())
    path = os.path.join(sessions, session.hex())
    os.rename(hidden, path)
    place = Place(path, page)
    try:
        _name_owner(base, owner, path)
        place.name_family(authkeys)
    except OSError:
        place.remove()  # Nobody would find it, and nobody else would take it away as long as we live.
        raise
    return place


def _make_doorbell(path: str) -> None:
    os.mkfifo(path, 0o600)
    directory.give_back(path, 0o600)


def named(who: Identity) -> str:
    """The name of a process in file names. Two namespaces that share a volume may have the same pid in use."""
    return f"{who.pid}-{who.start}-{who.namespace}"


def _name_owner(base: str, owner: Identity, path: str) -> None:
    """Let children, and other interpreters, of *owner* find the session by its pid."""
    if not process.interpreter():  # The pid is the main one's.
        _name(base, BY_PID, named(owner), path, replace=True)


def _is_given_up(path: str, name: str) -> bool:
    """Whether the maker of the hidden directory *name* at *path* died before it was complete."""
    with contextlib.suppress(OSError, ValueError):
        place = open_place(path)
        try:
            return place.owner_is_gone
        finally:
            place.control.close()
    try:
        pid, start, namespace = map(int, name[1:].split("-")[:3])
    except ValueError:
        return False
    return is_dead(Identity(pid, start, boot_id(), namespace))


def _hashed(authkey: bytes) -> str:
    return sha256(b"mplog " + bytes(authkey)).hexdigest()


def _name(base: str, index: str, name: str, path: str, *, replace: bool) -> None:
    """Let *name* in the directory *index* of *base* name the session at *path*."""
    for _ in range(ATTEMPTS):
        # Another process may remove the directory, which is empty, before we have put something there.
        with contextlib.suppress(FileNotFoundError):
            _point(os.path.join(directory.private(os.path.join(base, index)), name), path, replace=replace)
            return
    raise FileNotFoundError(f"{os.path.join(base, index)} is removed again and again")


def _point(link: str, path: str, *, replace: bool) -> None:
    """Make *link* name *path*. An existing one that names a live session stays, unless *replace*."""
    with contextlib.suppress(FileExistsError):
        os.symlink(path, link)
        return
    if replace or not os.path.exists(link):
        hidden = f"{link}.{os.urandom(4).hex()}.tmp"
        with contextlib.suppress(FileExistsError):
            os.symlink(path, hidden)
        os.replace(hidden, link)


def find(authkeys: list[bytes], parent: Identity) -> Place | None:
    """The session that a process of this family belongs to: its parent's, else that of the family's key."""
    for base in directory.existing_bases():
        for name in [f"{BY_PID}/{named(parent)}", *[f"{BY_AUTHKEY}/{_hashed(key)}" for key in authkeys]]:
            link = os.path.join(base, name)
            try:
                path = os.readlink(link)
                if os.path.dirname(os.path.dirname(path)) == base:
                    return open_place(path)
            except (OSError, ValueError):
                continue
    return None


def all_places() -> list[str]:
    """The paths of all sessions of this user. Those that a killed process never completed are removed."""
    found = []
    for base in directory.existing_bases():
        sessions = os.path.join(base, "sessions")
        with contextlib.suppress(OSError):
            for name in os.listdir(sessions):
                path = os.path.join(sessions, name)
                if not name.startswith("."):
                    found.append(path)
                    continue
                if _is_given_up(path, name):
                    directory.remove_tree(path)
    return found
