"""Every error that vidcondense raises on purpose.

The command line turns each into one line and its `exit_code`; anything else is a bug of ours (exit code 1).
"""

from __future__ import annotations


class VidcondenseError(Exception):
    """Base of all our errors: the message says what happened, where, and what to do."""

    exit_code = 1


class UsageError(VidcondenseError):
    """An option, or a combination of options, makes no sense."""

    exit_code = 2


class DataError(VidcondenseError):
    """The given data cannot be used."""

    exit_code = 3


class VideoError(DataError):
    """One video file cannot be used.

    Args:
        code: short stable name of the reason, such as `not-a-video` (the quarantine reports count by it).
        detail: one sentence for a person.
    """

    def __init__(self, code: str, detail: str) -> None:
        # Both go to Exception, so that the error survives the way from a worker process (pickle).
        super().__init__(code, detail)
        self.code = code
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class FormatError(DataError):
    """A condensed set or a checkpoint is not what it claims to be."""


class OutputError(VidcondenseError):
    """A result cannot be written: it exists already, permissions, a full disk."""

    exit_code = 4


class LimitError(VidcondenseError):
    """A stated limit was exceeded: size, memory, time, or the range of finite numbers."""

    exit_code = 5


class RankError(VidcondenseError):
    """Another process of the same job failed, died or did not answer."""

    exit_code = 6


class Interrupted(VidcondenseError):  # noqa: N818 - not a mistake
    """A signal ended the work; what was done is in a checkpoint.

    Args:
        message: where the checkpoint lies and how to continue.
        signal_number: the signal; 2 (SIGINT) gives exit code 130, 15 (SIGTERM) 143.
    """

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number
