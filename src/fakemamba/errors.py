"""What can go wrong by a user's hand, as one family of exceptions.

Every message is one line that says what was wrong, where, and what to do; the command line prints it
as it is and exits with 2. Anything else that escapes is our bug and exits with 3.
"""


class FakeMambaError(Exception):
    """Base of every error that a user can mend."""


class AudioError(FakeMambaError):
    """The audio cannot be read or cannot be judged as it is."""


class ConfigError(FakeMambaError):
    """A configuration or an option has a wrong name or value."""


class CheckpointError(FakeMambaError):
    """A model folder or weights file is missing, damaged, unsafe or of another kind."""


class DataError(FakeMambaError):
    """A data set, protocol or score file is incomplete or malformed."""


class MissingExtraError(FakeMambaError):
    """An optional dependency is needed; the message holds the exact install command."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional package: run  pip install 'fakemamba[{extra}]'")
        self.extra = extra


class FakeMambaWarning(UserWarning):
    """Something that a user should know but that does not stop the work."""
