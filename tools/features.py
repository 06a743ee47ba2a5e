"""The command ``mmpe features``, from a clone."""

from mmpe.cli.features import main

if __name__ == '__main__':
    main()
