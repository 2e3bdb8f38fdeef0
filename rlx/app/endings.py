"""How a command ends after an error: one message, and an exit status that depends on the cause."""

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
    """Carries an error past Hydra, to the single place that handles it.

    Hydra turns an error in a callback into a warning, and adds messages of its own to an error in a job.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def end(error: Exception) -> NoReturn:
    """End in one message if the input or the disk is at fault; raise any other error unchanged."""
    if isinstance(error, (RlxError, HydraException, OmegaConfBaseException)):
        stop(error)
    if isinstance(error, OSError):
        stop_if_disk_error(error)
    raise error


def as_rlx_error(error: RlxError | HydraException | OmegaConfBaseException) -> RlxError:
    """Return an error as an RlxError; a password in an argument is masked."""
    return error if isinstance(error, RlxError) else ConfigError(hide(str(explain(error)), ""))


def stop(error: RlxError | HydraException | OmegaConfBaseException) -> NoReturn:
    """End in one message: the input was bad."""
    place = pointed(error)
    if hide(place, "") == place:  # an argument that contains a password is not repeated
        sys.stderr.write(place)
    complain(as_rlx_error(error))
    sys.exit(BAD_INPUT)


def stop_if_disk_error(error: OSError) -> None:
    """End in one message if a file cannot be read or written; return for other errors."""
    if is_disk_error(error):
        kept = ["What was written before is kept.", *getattr(error, "__notes__", ())]
        complain(f"{error}. {' '.join(kept)} ({FULL_ERROR}=1 shows where.)")
        sys.exit(BAD_INPUT if error.errno in UNUSABLE else FAILED)


def is_disk_error(error: OSError) -> bool:
    """Return whether a file could not be read or written."""
    return error.errno in FULL | UNUSABLE
