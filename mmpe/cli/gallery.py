"""``mmpe gallery``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from mmpe.gallery import PROFILES, RECIPE, make_gallery

from .from_signatures import command
from .options import Folder, Jobs, Overrides, Overwrite


@command('--only rocket gravel')
def main(
    *,
    out: Folder = Path('gallery'),
    overwrite: Overwrite = False,
    only: Annotated[list[Literal[tuple(RECIPE)]] | None, Parameter(metavar='NAME')] = None,
    jobs: Jobs | None = None,
    profile: Literal[tuple(PROFILES)] = 'quick',
    cfg_options: Overrides | None = None,
) -> None:
    """Make the gallery: train a SinGAN on each of a few photographs of scikit-image, and edit each.

    Writes a sheet per photograph, OUT/NAME.png, and a sheet of all photographs, OUT/gallery.png. OUT/gallery.md lists
    the schedules, the times of training, and the commands of all edits. When it is called again, it goes on where it
    was stopped, and keeps what is finished.

    Args:
        only: names of photographs; default: all
        jobs: photographs at a time; default: one per GPU, or one per core
        profile: quick: 80 pixels, 400 iterations per scale; full: 250 and 2000, for a GPU
        cfg_options: overrides for all
    """
    names = list(dict.fromkeys(only or RECIPE))
    failures = make_gallery(names, out, profile, jobs, dict(cfg_options or ()), overwrite)
    if not set(names) <= set(failures):
        print(f'wrote {out / "gallery.png"} and {out / "gallery.md"}')
    if failures:
        print('\n'.join(['failed:', *(f'  {name}: {why}' for name, why in failures.items())]), file=sys.stderr)
        raise SystemExit(1)
