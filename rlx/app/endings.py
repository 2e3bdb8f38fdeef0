"""How a command ends where something is wrong: one message, and a status that says whose fault it is."""

from __future__ import annotations

import errno
import sys
from typing import NoReturn

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from rlx.config.errors import explain, pointed
from rlx.console import complain
from rlx.errors import RlxError
from rlx.untrusted.secret import hide

FULL_ERROR = "HYDRA_FULL_ERROR"
FAILED, BAD_INPUT = 1, 2
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
UNUSABLE = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST),
    *(errno.ENAMETOOLONG, errno.ELOOP),
}


def stop(error: RlxError | HydraException | OmegaConfBaseException) -> NoReturn:
    """End in one message: the input was bad."""
    place = pointed(error)
    if hide(place, "") == place:  # an argument with a password in it is not shown again
        sys.stderr.write(place)
    complain(error if isinstance(error, RlxError) else hide(str(explain(error)), ""))
    sys.exit(BAD_INPUT)


def stop_at_the_disk(error: OSError) -> None:
    """End in one message where a file cannot be read or written; other errors are left to the caller."""
    if error.errno in FULL | UNUSABLE:
        kept = ["What was written before is kept.", *getattr(error, "__notes__", ())]
        complain(f"{error}. {' '.join(kept)} ({FULL_ERROR}=1 shows where.)")
        sys.exit(BAD_INPUT if error.errno in UNUSABLE else FAILED)


def is_out_of_memory(error: Exception) -> bool:
    """Return whether memory ran out: that of the machine, or of the GPU, for which torch has an error of its own."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
