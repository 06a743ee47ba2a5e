"""The command ``mmpe convert``, from a clone."""

from mmpe.cli.convert import main

if __name__ == '__main__':
    main()
