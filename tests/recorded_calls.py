"""Which functions are called, beside what they compute."""


def record(monkeypatch, functions):
    """The list that the names of functions will be in, each time that they are called.

    Args:
        monkeypatch: pytest's.
        functions: (module, attribute) by the name that is recorded.
    """
    called = []

    def recording(name, inner):
        def call(*args):
            called.append(name)
            return inner(*args)

        return call

    for name, (module, attribute) in functions.items():
        monkeypatch.setattr(module, attribute, recording(name, getattr(module, attribute)))
    return called
