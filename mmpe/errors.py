"""The one exception that the command line turns into a line of text and exit code 2."""


class InputError(ValueError):
    """What the user gave cannot be used: a path, a picture, a size, a config. The message says what to do about it."""
