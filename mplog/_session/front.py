"""The front of a session: what its other processes look at. Its directory, its control page and the registry.

Somebody may delete the directory while the session is in use. Its owner makes it again for the processes that are still
to come; those that run have everything mapped, and go on with what they have.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
from collections.abc import Callable
from typing import Any

from mplog._ring import descriptor
from mplog._ring.layout import ENDED, GENERATION, REGISTERED, RUN, RUN_STATE
from mplog._session.identity import Identity
from mplog._session.place import REGISTRY, Place, make_place
from mplog._sinks import report


def authkeys() -> list[bytes]:
    """The keys of this process's family, in `multiprocessing` and, where it is loaded, `multiprocess`."""
    keys = []
    for library in ("multiprocessing.process", "multiprocess.process"):
        module = sys.modules.get(library)
        if module is not None:
            with contextlib.suppress(AttributeError):
                keys.append(bytes(module.current_process().authkey))
    return keys


class Front:
    """Of the session of this process. Changed under the logger's lock or the writer's mutex."""

    def __init__(self, identity: Identity) -> None:
        """Raises OSError: no runtime directory can be used."""
        self.place: Place = make_place(identity, authkeys())
        self._pages = [self.place.control]
        """The page of the session, and those that were made when its directory had been deleted."""
        self._registry = b""
        self._is_renewed = True
        """Whether all that was in a deleted directory is there again."""

    @property
    def generation(self) -> int:
        """The number of the last published registry."""
        return int(self.place.control.words[GENERATION])

    def publish(self, registry: dict[str, Any]) -> None:
        """Make *registry* what new workers start with and running ones change to at their next call."""
        generation = (self.generation + 1) % (1 << 63)
        registry["generation"] = generation
        self._registry = pickle.dumps(registry)
        self._write(self._registry)
        # SYNC publish -> stale: the file is complete before the number says so.
        for page in self._pages:
            page.words[GENERATION] = generation

    def _write(self, registry: bytes) -> None:
        path = os.path.join(self.place.path, REGISTRY)
        hidden = f"{path}.tmp"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(hidden)
        fd = descriptor.create(hidden)
        with open(fd, "wb") as file:
            file.write(registry)
        os.replace(hidden, path)

    def set(self, index: int, value: int) -> None:
        """Store a word for all processes of the session."""
        for page in self._pages:
            page.words[index] = value

    def beat(self) -> None:
        """Say that the writer lives."""
        words = self.place.control.words
        for page in self._pages:
            page.beat()
            if page.words[RUN_STATE] == ENDED:  # Somebody has stored it who may not: that is the owner's to say.
                page.words[RUN_STATE] = RUN
            if page.words[REGISTERED] and page is not self.place.control:
                words[REGISTERED], page.words[REGISTERED] = page.words[REGISTERED], 0

    @property
    def is_whole(self) -> bool:
        """Whether processes that are still to come find everything."""
        return self._is_renewed and self.place.is_there

    def renew(self, make_slots: Callable[[], None]) -> None:
        """Make what has been deleted again. What fails, is tried again at the next call.

        What waits in rings of the old directory has lost its name, so that it is not found any more should everything
        be killed.
        """
        try:
            self._is_renewed = False
            if not self.place.is_there:
                page = self.place.make_again(authkeys())
                self._pages.append(page)
                page.words[GENERATION] = self.generation
            make_slots()
            self._write(self._registry)
            self._is_renewed = True
        except OSError as error:
            report.once("renew", f"{self.place.path} was deleted and cannot be made again: {error}")
            return
        report.once("renewed", f"{self.place.path} was deleted while it was in use; it has been made again.")

    def stop_service(self) -> None:
        """Just before it is said that the owner drains nothing any more, which nobody believes before."""
        for page in self._pages:
            page.stop_service()

    def let_go(self) -> None:
        """At the end: nobody is served any more."""
        for page in self._pages:
            page.let_go()

    def forget(self) -> None:
        """In a forked child: the parent's pages stay held by the parent alone."""
        for page in self._pages:
            page.forget()
