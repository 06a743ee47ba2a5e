"""``python -m mmpe`` is the command ``mmpe``."""

from mmpe.cli import main

main()
