"""The command ``mmpe prepare``, from a clone."""

from mmpe.cli.prepare import main

if __name__ == '__main__':
    main()
