"""The command ``mmpe edit``, from a clone."""

from mmpe.cli.edit import main

if __name__ == '__main__':
    main()
