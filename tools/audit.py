"""The command ``mmpe audit``, from a clone."""

from mmpe.cli.audit import main

if __name__ == '__main__':
    main()
