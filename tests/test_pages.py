"""The pages of the project: whole, and with links that lead somewhere."""

import re
from pathlib import Path

import pytest
from singan_runs import REPOSITORY

PAGES = [
    *(REPOSITORY / name for name in ('README.md', 'ARCHITECTURE.md')),
    *sorted((REPOSITORY / 'configs').rglob('README.md')),
]


def named(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r'^#+ (.+)$', page.read_text(), re.M)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings}


@pytest.mark.parametrize('page', PAGES, ids=named)
def test_links_lead_somewhere(page):
    links = re.findall(r'\]\((?!\w+://)([^)]+)\)', page.read_text())
    for link in links:
        path, _, anchor = link.partition('#')
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize('page', PAGES, ids=named)
def test_no_marks_of_a_merge(page):
    assert not re.search(r'^(<{7}|={7}|>{7})( |$)', page.read_text(), re.M)
