"""The command ``mmpe claims``, from a clone."""

from mmpe.cli.claims import main

if __name__ == '__main__':
    main()
