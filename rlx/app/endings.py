"""How a command ends where something is wrong: one message, and a status that says whose fault it is."""

from __future__ import annotations

import errno
import sys
from typing import NoReturn

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from rlx.config.errors import explain, pointed
from rlx.console import complain
from rlx.errors import ConfigError, RlxError
from rlx.untrusted.secret import hide

FULL_ERROR = "HYDRA_FULL_ERROR"
FAILED, BAD_INPUT = 1, 2
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
UNUSABLE = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST),
    *(errno.ENAMETOOLONG, errno.ELOOP),
}


class PastHydra(BaseException):
    """Carries an error past Hydra, to the one place that decides what to do about it.

    Of what a callback raises Hydra makes a warning, and about what a job raises it has words of its own.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def end(error: Exception) -> NoReturn:
    """End in one message where the input or the disk is at fault; anything else comes out as it was raised."""
    if isinstance(error, (RlxError, HydraException, OmegaConfBaseException)):
        stop(error)
    if isinstance(error, OSError):
        stop_at_the_disk(error)
    raise error


def in_our_words(error: RlxError | HydraException | OmegaConfBaseException) -> RlxError:
    """Return an error as one of ours; a password in an argument is not shown again."""
    return error if isinstance(error, RlxError) else ConfigError(hide(str(explain(error)), ""))


def stop(error: RlxError | HydraException | OmegaConfBaseException) -> NoReturn:
    """End in one message: the input was bad."""
    place = pointed(error)
    if hide(place, "") == place:  # an argument with a password in it is not shown again
        sys.stderr.write(place)
    complain(in_our_words(error))
    sys.exit(BAD_INPUT)


def stop_at_the_disk(error: OSError) -> None:
    """End in one message where a file cannot be read or written; other errors are left to the caller."""
    if is_at_the_disk(error):
        kept = ["What was written before is kept.", *getattr(error, "__notes__", ())]
        complain(f"{error}. {' '.join(kept)} ({FULL_ERROR}=1 shows where.)")
        sys.exit(BAD_INPUT if error.errno in UNUSABLE else FAILED)


def is_at_the_disk(error: OSError) -> bool:
    """Return whether a file could not be read or written."""
    return error.errno in FULL | UNUSABLE


def is_out_of_memory(error: Exception) -> bool:
    """Return whether memory ran out: that of the machine, or of the GPU, for which torch has an error of its own."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
