"""The command ``mmpe benchmark-pictures``, from a clone."""

from mmpe.cli.benchmark_pictures import main

if __name__ == '__main__':
    main()
