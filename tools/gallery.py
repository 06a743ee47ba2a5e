"""The command ``mmpe gallery``, from a clone."""

from mmpe.cli.gallery import main

if __name__ == '__main__':
    main()
