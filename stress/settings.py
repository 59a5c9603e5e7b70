"""What the command line can ask of a scenario."""

from __future__ import annotations

from dataclasses import dataclass, replace

from stress.job import Job

STRANGERS = "strangers"
START_METHODS = ("fork", "spawn", "forkserver")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One run of a scenario. Fields that a scenario has no use for keep their defaults."""

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
    rounds: int = 1
    aim: float = 0.0
    exact: float = 0.0
    afterwards: float = 3.0
    strangers: int = 0
    shortest: int = 8
    longest: int = 120
    seed: int = 0
    timeout: float = 300.0
    keep: bool = False
    stop_early: bool = False

    def for_round(self, number: int) -> Settings:
        """The same run with the seed of round *number*, so that one round can be repeated alone."""
        return replace(self, seed=self.seed + number)

    def job(self, role: str, log: str, ledger: str) -> Job:
        """A program's job with everything that these settings say about it."""
        return Job(
            role=role,
            adapter=self.adapter,
            log=log,
            ledger=ledger,
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
            seed=self.seed,
            shortest=self.shortest,
            longest=self.longest,
        )
