"""The command ``mmpe evaluate-singan``, from a clone."""

from mmpe.cli.evaluate_singan import main

if __name__ == '__main__':
    main()
