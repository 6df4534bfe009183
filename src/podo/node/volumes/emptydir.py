"""emptyDir volumes: a directory, or a tmpfs where the medium is Memory."""

from __future__ import annotations

import os
from pathlib import Path

from podo.api.kind import Obj
from podo.node.volumes import mounting
from podo.values import quantity


def prepare(directory: Path, source: Obj, group: int | None) -> None:
    """Make it once. ``sizeLimit`` bounds a tmpfs; on disk it is a matter of eviction."""
    directory.mkdir(parents=True, exist_ok=True)
    if source.get("medium") == "Memory" and not os.path.ismount(directory):
        limit = source.get("sizeLimit")
        size = quantity.as_int(str(limit)) if limit else 0
        mounting.mount_tmpfs(directory, f"size={size}" if size else "")
    mode = 0o777
    if group is not None:
        os.chown(directory, -1, group)
        mode = 0o2777
    directory.chmod(mode)
