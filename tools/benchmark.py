"""The command ``mmpe benchmark``, from a clone."""

from mmpe.cli.benchmark import main

if __name__ == '__main__':
    main()
