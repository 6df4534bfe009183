"""podo: Kubernetes, whole, in Python. A distribution and a library."""

from podo.version import PODO as __version__

__all__ = ["__version__"]
