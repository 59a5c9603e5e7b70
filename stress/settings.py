"""What the command line, or the mix, can ask of a scenario."""

from __future__ import annotations

from dataclasses import dataclass, replace

from stress.job import Job

STRANGERS = "strangers"
START_METHODS = ("fork", "spawn", "forkserver")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One round of a scenario. Fields that a scenario has no use for keep their defaults."""

    scenario: str
    adapter: str = "mplog"
    processes: int = 4
    threads: int = 1
    records: int = 0
    rate: float = 0.0
    start_method: str = "fork"
    rotation: str | None = None
    retention: int | None = None
    compression: str | None = None
    kill: int = 0
    forks: int = 0
    aim: float = 0.0
    """Share of rounds whose kill waits for a step of the writer."""
    exact: float = 0.0
    """Share of rounds in which the owner kills itself at a step."""
    afterwards: float = 3.0
    """Seconds that orphans go on at most."""
    strangers: int = 0
    slow: float = 0.02
    """Seconds that the slow sink takes for a line."""
    full: float = 1.0
    """Seconds that the disk stays full."""
    minutes: float = 1.0
    """Length of a soak."""
    lives: int = 1
    """Workers in a row, in a soak."""
    shortest: int = 8
    longest: int = 120
    seed: int = 0
    timeout: float = 300.0
    keep: bool = False

    def with_seed(self, seed: int) -> Settings:
        """The same with another seed, so that one round can be repeated alone."""
        return replace(self, seed=seed)

    def job(self, role: str, log: str, ledger: str, latencies: str) -> Job:
        """A program's job with everything that these settings say about it."""
        return Job(
            role=role,
            adapter=self.adapter,
            log=log,
            ledger=ledger,
            latencies=latencies,
            rotation=self.rotation,
            retention=self.retention,
            compression=self.compression,
            start_method="fork" if self.start_method == STRANGERS else self.start_method,
            processes=self.processes,
            threads=self.threads,
            records=self.records,
            rate=self.rate,
            lifetime=self.timeout,
            forks=self.forks,
            lives=self.lives,
            seed=self.seed,
            shortest=self.shortest,
            longest=self.longest,
        )
