"""The command ``mmpe export``, from a clone."""

from mmpe.cli.export import main

if __name__ == '__main__':
    main()
