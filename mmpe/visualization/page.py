"""Pages to look at in a browser, from the templates beside this file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from mmpe.files import write_atomic
from mmpe.names import printable

from .marks import maker


@dataclass
class Entry:
    """One section of a page. Paths are relative to the page's folder, or absolute.

    Attributes:
        title: The heading.
        figures: Paths of pictures, by their captions.
        facts: The cells of a table with one row, by their headings.
        links: Paths, by the texts of the links.

    >>> Entry('rocket.png', figures={'original': 'rocket.png/original.png'}, facts={'scales': '8'}).title
    'rocket.png'
    """

    title: str
    figures: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)


def write_page(
    path: str | Path,
    title: str,
    summary: str,
    entries: Sequence[Entry],
    failures: Mapping[str, str] | None = None,
    links: Mapping[str, str] | None = None,
) -> None:
    """Write a page as one HTML file, which needs nothing but the pictures that it shows.

    Args:
        path: The file. Missing folders are made.
        title: The heading of the page.
        summary: One line below the heading.
        entries: The sections, in the order in which they are shown.
        failures: The reasons of failures, by the names of what has failed. They come before the sections.
        links: Paths, by the texts of the links. They come after the summary.

    >>> write_page('index.html', 'My pictures', '1 of 1 trained', [Entry('rocket.png', facts={'scales': '8'})])
    """
    values = dict(title=title, maker=maker(), summary=summary, entries=entries)
    write_atomic(path, render('results.html', failures=failures or {}, links=links or {}, **values))


def render(template: str, **values) -> str:
    """Fill in a template of this package. All values are shown as text, also where they look like HTML.

    >>> page = render('results.html', title='<b>', maker='mmpe', summary='', entries=[], failures={}, links={})
    >>> '&lt;b&gt;' in page
    True
    """
    return _templates().get_template(template).render(values)


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).with_name('templates')),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_as_text,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters['link'] = lambda path: quote(os.fsencode(path))  # the bytes of the name, whatever they are
    return templates


def _as_text(value: object) -> object:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
