"""Make the demo and test images as OCI archives: ``make_images.py [DIRECTORY]`` (default build/images).

Debian only, needs no root.
"""

from __future__ import annotations

import sys
from pathlib import Path

from podo.node.images import debian, pause
from podo.node.images.oci import Image, write_archive


def main(arguments: list[str]) -> int:
    target = Path(arguments[0] if arguments else "build/images")
    try:
        packages = debian.this_machine(target.parent / "cache")
        base = debian.busybox_layer(packages)
        archives: dict[str, list[Image]] = {
            "pause": [pause.image(packages.architecture)],
            "busybox": [debian.busybox_image(packages, base)],
            "nginx": debian.nginx_images(packages, base),
        }
    except debian.PackageError as failure:
        print(f"make_images: {failure}", file=sys.stderr)
        return 1
    for name, images in archives.items():
        path = target / f"{name}.tar"
        write_archive(path, images)
        names = ", ".join(one for image in images for one in image.names)
        print(f"{path} ({path.stat().st_size / 1e6:.1f} MB): {names}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
