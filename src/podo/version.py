"""The versions podo answers with."""

PODO = "0.1.0"
KUBERNETES_MAJOR = "1"
KUBERNETES_MINOR = "37"
#: What ``/version`` serves: the Kubernetes API level and this build.
GIT_VERSION = f"v{KUBERNETES_MAJOR}.{KUBERNETES_MINOR}.0+podo.{PODO}"
