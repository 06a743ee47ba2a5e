"""The command ``mmpe train``, from a clone."""

from mmpe.cli.train import main

if __name__ == '__main__':
    main()
