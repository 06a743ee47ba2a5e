"""Findings as files: a figure and the numbers per claim, and one page about all claims."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from mmpe.apis.results import is_marked
from mmpe.files import atomic, write_atomic
from mmpe.visualization import maker, markdown_table

from .claim import Check, Claim, Finding

PATTERN = r'claims\.md|claim_\d+\.(png|json)'
_VERDICT = {True: 'holds', False: 'does not hold'}


@dataclass
class Result:
    """A finding as it is stored on disk, without its figure.

    Attributes:
        profile: The name of the profile that it was measured with.
        seeds: How many trainings of each model were measured.
        rows: See :class:`Finding`.
        checks: See :class:`Finding`.
    """

    profile: str
    rows: list[list[str]]
    checks: list[Check]
    seeds: int = 1

    @property
    def verdict(self) -> str:
        """Whether the claim was reproduced. If only some checks hold, the verdict says how many."""
        held = sum(check.holds for check in self.checks)
        whole = held == len(self.checks)
        return _VERDICT[whole] if whole or not held else f'{_VERDICT[False]}: {held} of {len(self.checks)} checks do'


def write(claim: Claim, finding: Finding, profile: str, out: Path, seeds: int = 1) -> Result:
    """Write ``claim_N.png`` and ``claim_N.json`` into a folder that exists."""
    with atomic(_figure(claim, out)) as part:
        finding.figure.savefig(part, dpi=110, metadata=dict(Software=maker()))
    result = Result(profile, finding.rows, finding.checks, seeds)
    write_atomic(_json(claim, out), json.dumps(asdict(result), indent=2, ensure_ascii=False) + '\n')
    return result


def read(claim: Claim, profile: str, out: Path, seeds: int = 1) -> Result | None:
    """An earlier result with this profile and at least as many seeds. None if there is no complete one."""
    try:
        found = json.loads(_json(claim, out).read_text(encoding='utf-8'))
        checks = [Check(**check) for check in found['checks']]
        result = Result(found['profile'], found['rows'], checks, found.get('seeds', 1))
        enough = result.seeds >= seeds
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return result if result.profile == profile and enough and _figure(claim, out).is_file() else None


def summary(results: dict[Claim, Result]) -> list[str]:
    """The lines of a Markdown table: the claim, the expected result, the result, and the verdict."""
    rows = [['claim', 'expected', 'found', 'verdict']]
    for claim, result in results.items():
        found = '; '.join(check.text for check in result.checks)
        rows.append([f'{claim.number}. {claim.sentence}', claim.expected, found, result.verdict])
    return ['| ' + ' | '.join(row) + ' |' for row in (rows[0], ['---'] * 4, *rows[1:])]


def write_page(results: dict[Claim, Result], out: Path) -> Path:
    """Write ``claims.md``: the summary, and then the numbers and the figure of each claim."""
    lines = ['# Claims', '', f'<!-- {maker()} -->', '', *summary(results)]
    for claim, result in results.items():
        lines += ['', f'## {claim.number}. {claim.sentence[0].upper()}{claim.sentence[1:]}: {result.verdict}', '']
        lines += markdown_table(result.rows)
        if result.seeds > 1:
            lines += ['', f'Means of {result.seeds} trainings, with their standard errors.']
        lines += ['', *(f'- {_VERDICT[check.holds]}: {check.text}' for check in result.checks)]
        lines += ['', f'![Claim {claim.number}](claim_{claim.number}.png)']
    page = out / 'claims.md'
    write_atomic(page, '\n'.join(lines) + '\n')
    return page


def files_of(claim: Claim) -> list[str]:
    """The names of the files that :func:`write` writes."""
    return [_figure(claim, Path()).name, _json(claim, Path()).name]


def is_own(file: Path) -> bool:
    """Whether a file was written by this tool before."""
    if file.suffix != '.json':
        return is_marked(file, 'claims')
    try:
        return set(json.loads(file.read_bytes())) | {'seeds'} == {field.name for field in fields(Result)}
    except (ValueError, TypeError):
        return False


def _figure(claim: Claim, out: Path) -> Path:
    return out / f'claim_{claim.number}.png'


def _json(claim: Claim, out: Path) -> Path:
    return out / f'claim_{claim.number}.json'
