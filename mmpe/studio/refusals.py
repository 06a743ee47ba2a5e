"""What a page is refused, beside what every tool of mmpe refuses."""

from mmpe.errors import InputError


class NotThere(LookupError):
    """There is no model, picture or file of a name that a page has asked for."""


class TooLarge(InputError):
    """A picture has more pixels than the studio takes."""
