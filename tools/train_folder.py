"""The command ``mmpe train-folder``, from a clone."""

from mmpe.cli.train_folder import main

if __name__ == '__main__':
    main()
