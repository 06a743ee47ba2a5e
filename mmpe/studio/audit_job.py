"""The job of the child process that audits a model: a page, and the maps that are drawn over the picture."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from mmpe.analysis import analysis_inputs, audit
from mmpe.analysis.audit_page import Audit
from mmpe.apis import load_singan
from mmpe.apis.subprocesses import job_main
from mmpe.files import write_atomic

PAGE, MAPS = 'audit.html', 'audit.json'
_NICENESS = 5


def audit_model(config: Config) -> None:
    """Audit the model of ``config.checkpoint`` with ``config.num`` draws, and write to ``config.work_dir``."""
    os.nice(_NICENESS)
    model = load_singan(config.checkpoint)
    inputs = analysis_inputs(model)
    found = audit(
        inputs.generator,
        inputs.sample_input,
        num=config.num,
        title=config.title,
        max_layers=config.max_layers,
        translation=inputs.translation,
    )
    folder = Path(config.work_dir)
    write_atomic(folder / MAPS, json.dumps(maps_of(found)))
    write_atomic(folder / PAGE, found.to_html())


def maps_of(found: Audit) -> dict[str, Any]:
    """What an audit has found, as JSON for a page.

    Returns:
        The ``verdict``; per probed layer its name, its R^2 and ``errors``, the rows of a map of the distance in cells
        between the probe's answer and the place; by padding mode EQ-T in dB, None where it is infinite.

    >>> maps_of(Audit('a model', 'It knows nothing.', layers=[], padding=['zero']))['verdict']
    'It knows nothing.'
    """
    probe, by_padding = (found.results.get(name) for name in ('position_probe', 'equivariance_by_padding'))
    layers = [
        dict(
            name=layer.layer,
            size=list(layer.size),
            r2=round(float(layer.best.r2), 4),
            chance=round(float(layer.linear.chance), 4),
            errors=np.round(layer.best.error_map, 3).tolist(),
        )
        for layer in (probe.layers if probe else [])
    ]
    padding = {mode: _finite(one.eq_t) for mode, one in (by_padding.modes if by_padding else {}).items()}
    refused = by_padding.refused if by_padding else {}
    return dict(
        verdict=found.verdict, layers=layers, padding=padding, refused=refused, own=found.padding, skipped=found.skipped
    )


def _finite(number: float) -> float | None:
    return round(float(number), 2) if np.isfinite(number) else None


main = job_main(audit_model)
