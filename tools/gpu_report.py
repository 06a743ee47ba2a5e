"""The command ``mmpe gpu-report``, from a clone."""

from mmpe.cli.gpu_report import main

if __name__ == '__main__':
    main()
