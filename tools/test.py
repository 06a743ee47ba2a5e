"""The command ``mmpe test``, from a clone."""

from mmpe.cli.test import main

if __name__ == '__main__':
    main()
