"""Python code in a process of its own, where nothing has been imported, registered, allocated or freed yet."""

import subprocess
import sys


def run_python(code: str) -> str:
    """What the code prints."""
    return subprocess.run([sys.executable, '-c', code], check=True, stdout=subprocess.PIPE, text=True).stdout
