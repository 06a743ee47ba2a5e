"""What a script finds on the pretended device, in a process of its own: the device stays in place where it is put."""

import json
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import pytest


@cache
def found_by(script, *names):
    if shutil.which('g++') is None:
        pytest.skip('the pretended device is compiled by g++')
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, Path(__file__).with_name(script), folder, *names]
        result = subprocess.run(command, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        return json.loads(Path(folder, 'found.json').read_text())
