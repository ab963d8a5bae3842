"""The room of the agreements: what auditors open first, and the language that enforces it.

Here live the agreement files, their vocabulary (data files with citations), the strict loader, signatures,
the compiled policy of a night and the treatments a field can be given. This room imports no other room and
knows nothing of Dagster; readers, stores and links do not belong here.
"""

import time
from typing import Final

STARTED: Final = time.time_ns()
"""When this process first touched the room, in nanoseconds: what was changed on disk since is not what it runs."""
