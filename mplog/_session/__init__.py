"""Who serves whom: session directories, attaching, fork, liveness, recovery."""
