"""The command ``mmpe studio``, from a clone."""

from mmpe.cli.studio import main

if __name__ == '__main__':
    main()
