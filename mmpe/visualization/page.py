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
    """What a page shows of one thing; all paths are relative to the page's folder, or anywhere if absolute.

    Attributes:
        title: Its heading.
        figures: Paths of pictures, by caption.
        facts: A table of one row, by heading.
        links: Paths, by text.
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
    """Write one HTML file that needs nothing but the pictures that it names.

    Args:
        path: The file; its folder is made.
        title: Its heading.
        summary: A line below it.
        entries: In this order.
        failures: What has failed and why; listed first.
        links: Paths, by text, after the summary.
    """
    values = dict(title=title, maker=maker(), summary=summary, entries=entries)
    write_atomic(path, render('results.html', failures=failures or {}, links=links or {}, **values))


def render(template: str, **values) -> str:
    """Fill a template in; what is filled in is text, whatever it looks like, and of a name all is seen."""
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
