"""The command ``mmpe sample``, from a clone."""

from mmpe.cli.sample import main

if __name__ == '__main__':
    main()
