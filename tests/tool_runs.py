"""The tools, run in this process: one of their own would import PyTorch again, for three seconds."""

import runpy
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from subprocess import CompletedProcess
from unittest.mock import patch


def run_tool(script: Path, *arguments, cwd: Path | str = '.') -> CompletedProcess:
    """What ``python script arguments`` gives: the exit code, and what is written to both streams."""
    command = [str(script), *map(str, arguments)]
    out, err = StringIO(), StringIO()
    with patch.object(sys, 'argv', command), chdir(cwd), redirect_stdout(out), redirect_stderr(err):
        try:
            runpy.run_path(str(script), run_name='__main__')
            code = 0
        except SystemExit as end:
            code = end.code or 0
    return CompletedProcess(command, code, out.getvalue(), err.getvalue())
