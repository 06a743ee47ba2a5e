"""The command ``mmpe memory``, from a clone."""

from mmpe.cli.memory import main

if __name__ == '__main__':
    main()
