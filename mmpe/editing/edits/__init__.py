"""The edits, one per module: each gives an :class:`~mmpe.editing.edited.Edited`."""
