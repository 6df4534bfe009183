"""Demo and test images made from Debian packages: busybox and nginx under the names that tutorials use.

Only the files that are needed go in; packages are fetched by apt, which checks their signatures, and kept in a cache.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from podo.node.images.oci import Directory, Entry, File, Image, Layer, Symlink

BUSYBOX_TAGS = ("1.28", "latest")
NGINX_TAGS = ("1.14.1", "1.14.2", "1.16.1", "latest")

#: Package -> the files that nginx needs of it. ``*`` stands for the machine's library directory.
NGINX_FILES = {
    "nginx": ("/usr/sbin/nginx",),
    "nginx-common": ("/etc/nginx/mime.types",),
    "libc6": ("*/libc.so.6",),
    "libcrypt1": ("*/libcrypt.so.1",),
    "libpcre2-8-0": ("*/libpcre2-8.so.0",),
    "libssl3": ("*/libssl.so.3", "*/libcrypto.so.3"),
    "zlib1g": ("*/libz.so.1",),
}
_LIBRARIES = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}
_LOADERS = {"amd64": "/lib64/ld-linux-x86-64.so.2", "arm64": "/lib/ld-linux-aarch64.so.1"}

#: Debian's busybox 1.35 crashes on ``wget -T``, which readiness checks of tutorials use.
WGET = b"""#!/bin/sh
limit= left=$#
while [ "$left" -gt 0 ]; do
  option=$1; shift; left=$((left - 1))
  case $option in
    -T | --timeout) limit=$1; shift; left=$((left - 1)) ;;
    -T*) limit=${option#-T} ;;
    --timeout=*) limit=${option#*=} ;;
    -[qcS]T | -[qcS][qcS]T) set -- "$@" "${option%T}"; limit=$1; shift; left=$((left - 1)) ;;
    *) set -- "$@" "$option" ;;
  esac
done
[ -n "$limit" ] || exec /bin/busybox wget "$@"
/bin/busybox timeout "$limit" /bin/busybox wget "$@"
status=$?
[ "$status" -ne 143 ] || { echo "wget: download timed out" >&2; exit 1; }
exit "$status"
"""
BASH = b"""#!/bin/sh
exec /bin/sh "$@"
"""
ACCOUNTS = {
    "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnginx:x:101:101:nginx:/nonexistent:/bin/false\n"
    "nobody:x:65534:65534:nobody:/home:/bin/false\n",
    "/etc/group": "root:x:0:\nnginx:x:101:\nnobody:x:65534:\n",
    "/etc/nsswitch.conf": "hosts: files dns\n",
}
NGINX_CONF = """user nginx;
worker_processes auto;
error_log /var/log/nginx/error.log notice;
pid /var/run/nginx.pid;
events { worker_connections 1024; }
http {
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  log_format main '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
                  '"$http_referer" "$http_user_agent" "$http_x_forwarded_for"';
  access_log /var/log/nginx/access.log main;
  sendfile on;
  keepalive_timeout 65;
  include /etc/nginx/conf.d/*.conf;
}
"""
NGINX_SITE = """server {
  listen 80;
  server_name localhost;
  location / {
    root /usr/share/nginx/html;
    index index.html index.htm;
  }
}
"""
NGINX_PAGE = """<!DOCTYPE html>
<html>
<head><title>Welcome to nginx!</title></head>
<body>
<h1>Welcome to nginx!</h1>
<p>Image nginx:{tag}, assembled by podo from Debian's nginx.</p>
</body>
</html>
"""


class PackageError(Exception):
    """A package could not be fetched or does not hold what is expected; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Packages:
    """Debian packages of this machine's architecture, fetched into ``cache`` once."""

    cache: Path
    architecture: str  # "amd64", "arm64"
    _opened: dict[str, dict[str, tarfile.TarInfo | bytes]] = field(default_factory=dict, repr=False, compare=False)

    def files(self, package: str) -> dict[str, tarfile.TarInfo | bytes]:
        """What ``package`` installs: absolute path -> the bytes of a regular file, or the header of anything else."""
        if package not in self._opened:
            self._opened[package] = self._read(package)
        return self._opened[package]

    def _read(self, package: str) -> dict[str, tarfile.TarInfo | bytes]:
        packed = _output(["dpkg-deb", "--fsys-tarfile", str(self._fetched(package))])
        found: dict[str, tarfile.TarInfo | bytes] = {}
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                found["/" + member.name.removeprefix("./")] = content.read() if content else member
        return found

    def _fetched(self, package: str) -> Path:
        self.cache.mkdir(parents=True, exist_ok=True)
        pattern = f"{package}_*_{self.architecture}.deb" if package != "nginx-common" else f"{package}_*_all.deb"
        if not list(self.cache.glob(pattern)):
            _output(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package], self.cache)
        found = sorted(self.cache.glob(pattern), key=lambda path: path.stat().st_mtime)
        if not found:
            raise PackageError(f"apt-get downloaded no package {pattern}")
        return found[-1]


def this_machine(cache: Path) -> Packages:
    architecture = _output(["dpkg", "--print-architecture"]).decode().strip()
    if architecture not in _LIBRARIES:
        raise PackageError(f"images can be made for {', '.join(_LIBRARIES)}, not for {architecture}")
    return Packages(cache, architecture)


def busybox_layer(packages: Packages) -> Layer:
    """busybox with a link for each of its commands, and the few files that programs expect of a system."""
    binary = _content(packages, "busybox-static", "/bin/busybox")
    commands = _output([str(_executable(packages, binary)), "--list-full"]).decode().split()
    entries: list[Entry] = [Symlink("/" + command, "/bin/busybox") for command in commands]
    entries += [Directory(path) for path in ("/dev", "/etc", "/home", "/proc", "/sys", "/var/log", "/var/run")]
    entries += [Directory("/tmp", 0o1777), Directory("/root", 0o700)]
    entries += [File(path, text.encode()) for path, text in ACCOUNTS.items()]
    entries += [File("/bin/busybox", binary, 0o755), File("/bin/bash", BASH, 0o755)]
    wget = next(("/" + command for command in commands if PurePosixPath(command).name == "wget"), "/usr/bin/wget")
    entries.append(File(wget, WGET, 0o755))
    return Layer.of(entries)


def busybox_image(packages: Packages, base: Layer) -> Image:
    names = [f"docker.io/library/busybox:{tag}" for tag in BUSYBOX_TAGS]
    return Image(names, [base], packages.architecture, command=["sh"], environment={"PATH": _PATH})


_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def nginx_images(packages: Packages, base: Layer) -> list[Image]:
    """An image a tag. They differ in the page that they serve; program, libraries and base are shared."""
    layer = _nginx_layer(packages)
    return [
        Image(
            [f"docker.io/library/nginx:{tag}"],
            [base, layer, Layer.of([File("/usr/share/nginx/html/index.html", NGINX_PAGE.format(tag=tag).encode())])],
            packages.architecture,
            command=["nginx", "-g", "daemon off;"],
            environment={"PATH": _PATH, "NGINX_VERSION": tag},
            exposed_ports=["80/tcp"],
            stop_signal="SIGQUIT",
        )
        for tag in NGINX_TAGS
    ]


def _nginx_layer(packages: Packages) -> Layer:
    library = "/usr/lib/" + _LIBRARIES[packages.architecture]
    entries: list[Entry] = []
    for package, wanted in NGINX_FILES.items():
        for path in wanted:
            target = path.replace("*", library)
            mode = 0o755 if ".so" in path or "/sbin/" in path else 0o644
            entries.append(File(target, _content(packages, package, path), mode))
    loader = _LOADERS[packages.architecture]
    entries.append(File(loader, _content(packages, "libc6", "*/" + PurePosixPath(loader).name), 0o755))
    entries += [Directory("/var/lib/nginx"), Directory("/var/cache/nginx"), Directory("/var/log/nginx")]
    entries += [
        Symlink("/var/log/nginx/access.log", "/dev/stdout"),
        Symlink("/var/log/nginx/error.log", "/dev/stderr"),
        File("/etc/nginx/nginx.conf", NGINX_CONF.encode()),
        File("/etc/nginx/conf.d/default.conf", NGINX_SITE.encode()),
    ]
    return Layer.of(entries)


def _content(packages: Packages, package: str, path: str) -> bytes:
    """The bytes of a file, links followed. ``*/`` is the library directory, with or without /usr before it."""
    files = packages.files(package)
    library = f"lib/{_LIBRARIES[packages.architecture]}/"
    choices = ["/" + library, "/usr/" + library] if path.startswith("*/") else [""]
    for start in choices:
        place = start + path.removeprefix("*/")
        for _ in range(4):  # links
            found = files.get(place)
            if isinstance(found, bytes):
                return found
            if found is None or not found.issym():
                break
            place = str(PurePosixPath(place).parent / found.linkname)
    raise PackageError(f"the package {package} holds no file {path}: is this Debian 12?")


def _executable(packages: Packages, binary: bytes) -> Path:
    path = packages.cache / "busybox"
    path.write_bytes(binary)
    path.chmod(0o755)
    return path


def _output(argv: Sequence[str], directory: Path | None = None) -> bytes:
    try:
        return subprocess.run(argv, cwd=directory, capture_output=True, check=True, timeout=300).stdout
    except FileNotFoundError as failure:
        raise PackageError(f"{argv[0]} is not installed: images are made on Debian") from failure
    except subprocess.TimeoutExpired as failure:
        raise PackageError(f"{' '.join(argv)} did not end within 300 s") from failure
    except subprocess.CalledProcessError as failure:
        why = failure.stderr.decode(errors="replace").strip()
        raise PackageError(f"{' '.join(argv)} failed: {why}; try apt-get update") from failure
