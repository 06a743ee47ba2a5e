"""Claims of the paper, and the findings of their experiments."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from mmengine.model import BaseModel
from scipy.stats import t

from .runs import Profile

_CONFIDENCE = 0.975  # one-sided


@dataclass(frozen=True)
class Measure:
    """A number with its uncertainty.

    Attributes:
        value: The mean.
        error: Its standard error. 0 if it is not known.
        freedom: The degrees of freedom of the standard error, without end if it is known exactly.

    >>> measure = Measure.of([0.4, 0.5, 0.6])
    >>> print(measure)
    0.50 ± 0.06
    >>> measure.above(Measure(0.2))
    True
    """

    value: float
    error: float = 0.0
    freedom: float = math.inf

    @classmethod
    def of(cls, values: Sequence[float]) -> Measure:
        """The mean and the standard error of at least two independent values."""
        mean = sum(values) / len(values)
        variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
        return cls(mean, math.sqrt(variance / len(values)), len(values) - 1)

    @classmethod
    def over(cls, measures: Iterable[Measure]) -> Measure:
        """The measure over independent trainings: the mean of theirs, and its standard error.

        Of one training, the measure itself: its error is over the images of that training.

        >>> print(Measure.over([Measure(0.4, 0.02), Measure(0.5, 0.01), Measure(0.6, 0.03)]))
        0.50 ± 0.06
        """
        measures = list(measures)
        return measures[0] if len(measures) == 1 else cls.of([measure.value for measure in measures])

    def above(self, other: Measure) -> bool:
        """Whether it is larger, at the 95 % level (two-sided) of Welch's t-test.

        That is by two standard errors of the difference where these are known well, and by more where few values tell
        them: by 2.8 over three trainings of either.
        """
        error = math.hypot(self.error, other.error)
        if not error:
            return self.value > other.value
        share = sum(measure.error**4 / measure.freedom for measure in (self, other))
        freedom = error**4 / share if share else math.inf
        return bool(self.value - other.value > t.ppf(_CONFIDENCE, freedom) * error)

    def __str__(self) -> str:
        digits = 4 if abs(self.value) < 0.1 else 2
        return f'{self.value:.{digits}f}' + (f' ± {self.error:.{digits}f}' if self.error else '')


@dataclass(frozen=True)
class Check:
    """One comparison that a claim asks for.

    Attributes:
        text: The comparison in words, with its numbers.
        holds: Whether the result is as claimed.

    >>> Check.above('structure', 'zero padding', Measure(0.9, 0.1), 'none', Measure(0.2, 0.1))
    Check(text='structure: zero padding 0.90 ± 0.10 > none 0.20 ± 0.10', holds=True)
    """

    text: str
    holds: bool

    @classmethod
    def above(cls, what: str, a: str, higher: Measure, b: str, lower: Measure) -> Check:
        """Check that ``what`` is higher for ``a`` than for ``b``, see :meth:`Measure.above`."""
        return cls(f'{what}: {a} {higher} > {b} {lower}', higher.above(lower))


@dataclass
class Finding:
    """What an experiment found.

    Attributes:
        rows: A table: a header, and then one row per compared item.
        checks: The comparisons. The claim holds if all of them hold.
        figure: The figure.

    >>> check = Check.above('structure', 'zero padding', Measure(0.9, 0.1), 'none', Measure(0.2, 0.1))
    >>> Finding([['padding', 'structure'], ['zero', '0.90'], ['none', '0.20']], [check], Figure()).holds
    True
    """

    rows: list[list[str]]
    checks: list[Check]
    figure: Figure

    @property
    def holds(self) -> bool:
        """Whether the claim was reproduced."""
        return all(check.holds for check in self.checks)


Models = Mapping[str, Sequence[BaseModel]]
"""The models of each run, by its name: one per seed."""

Measurement = Callable[[Models, Profile], Finding]


@dataclass(frozen=True)
class Claim:
    """One claim of the paper, as an experiment.

    Attributes:
        number: Its number on the command line.
        sentence: The claim in words.
        expected: The result that would support the claim.
        runs: The names of the models that are measured, see :attr:`Profile.runs`.
        measure: ``measure(models, profile)`` measures trained :data:`Models`.

    >>> from mmpe.claims import CLAIMS
    >>> CLAIMS[4].sentence
    "zero padding's spatial bias is unbalanced: exact at the border, vague in the middle"
    >>> CLAIMS[4].runs
    ('singan zero', 'singan csg nopad')
    """

    number: int
    sentence: str
    expected: str
    runs: tuple[str, ...]
    measure: Measurement


_REGISTERED: dict[int, Claim] = {}


def claim(number: int, sentence: str, expected: str, runs: Iterable[str]) -> Callable[[Measurement], Measurement]:
    """Register a function as the measurement of a claim; see :class:`Claim` for the arguments.

    Raises:
        ValueError: If another claim has the number.

    >>> from mmpe.claims import CLAIMS
    >>> CLAIMS[2].sentence
    'zero padding is indispensable for good pictures'
    >>> claim(2, 'it is not', 'SWD: zero > none', ['zero'])
    Traceback (most recent call last):
    ValueError: claim 2 is 'zero padding is indispensable for good pictures': give 'it is not' another number
    """
    if number in _REGISTERED:
        raise ValueError(f'claim {number} is {_REGISTERED[number].sentence!r}: give {sentence!r} another number')

    def register(measure: Measurement) -> Measurement:
        _REGISTERED[number] = Claim(number, sentence, expected, tuple(runs), measure)
        return measure

    return register


def registered_claims() -> dict[int, Claim]:
    """All claims by number, in order."""
    return dict(sorted(_REGISTERED.items()))
