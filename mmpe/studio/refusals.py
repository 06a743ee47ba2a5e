"""Errors that have an HTTP status of their own."""

from mmpe.errors import InputError


class NotThere(LookupError):
    """There is no model, picture or file of a name that a page has asked for."""


class TooLarge(InputError):
    """A picture has more pixels than the studio takes."""
