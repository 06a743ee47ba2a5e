"""What a claim is, and what an experiment finds about it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from mmengine.model import BaseModel

from .runs import Profile

_SIGNIFICANT = 2.0  # standard errors


@dataclass(frozen=True)
class Measure:
    """A number with its uncertainty.

    Attributes:
        value (float): The mean.
        error (float): Its standard error; 0 where there is none to tell.
    """

    value: float
    error: float = 0.0

    @classmethod
    def of(cls, values: Sequence[float]) -> Measure:
        """Mean and standard error of independent values, at least two."""
        mean = sum(values) / len(values)
        variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
        return cls(mean, math.sqrt(variance / len(values)))

    def above(self, other: Measure) -> bool:
        """Whether it is larger, by more than two standard errors of the difference."""
        return self.value - other.value > _SIGNIFICANT * math.hypot(self.error, other.error)

    def __str__(self) -> str:
        digits = 4 if abs(self.value) < 0.1 else 2
        return f'{self.value:.{digits}f}' + (f' ± {self.error:.{digits}f}' if self.error else '')


@dataclass(frozen=True)
class Check:
    """One comparison that a claim asks for.

    Attributes:
        text (str): What was compared, with the numbers.
        holds (bool): Whether it came out as claimed.
    """

    text: str
    holds: bool

    @classmethod
    def above(cls, what: str, a: str, higher: Measure, b: str, lower: Measure) -> Check:
        """That ``what`` is higher for ``a`` than for ``b``, by more than two standard errors."""
        return cls(f'{what}: {a} {higher} > {b} {lower}', higher.above(lower))


@dataclass
class Finding:
    """What an experiment found.

    Attributes:
        rows (list[list[str]]): A table: a header, then a row for each thing that was compared.
        checks (list[Check]): The claim holds if all of them do.
        figure (Figure): What there is to see.
    """

    rows: list[list[str]]
    checks: list[Check]
    figure: Figure

    @property
    def holds(self) -> bool:
        """bool: Whether the claim reproduced."""
        return all(check.holds for check in self.checks)


@dataclass(frozen=True)
class Claim:
    """One claim of the paper's abstract, as an experiment.

    Attributes:
        number (int): Its number on the command line.
        sentence (str): What is claimed.
        expected (str): What would show it.
        runs (tuple[str, ...]): Names of the models that it takes, as in :attr:`Profile.runs`.
        measure (Callable): ``measure(models, profile)`` of the trained models by name.
    """

    number: int
    sentence: str
    expected: str
    runs: tuple[str, ...]
    measure: Callable[[dict[str, BaseModel], Profile], Finding]
