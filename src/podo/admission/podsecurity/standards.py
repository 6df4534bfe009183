"""The Pod Security Standards: which controls a level has at a version of Kubernetes, and what they find in a pod."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from podo.admission.podsecurity import baseline, restricted
from podo.admission.podsecurity.looking import Spec, Violation
from podo.api.kind import Obj

PRIVILEGED, BASELINE, RESTRICTED = LEVELS = ("privileged", "baseline", "restricted")
#: The minor version that "latest" is.
LATEST = 37

Control = Callable[[Obj, Spec], Violation | None]


@dataclass(frozen=True, slots=True)
class Check:
    """A control by its name, with its forms: (from which minor version on, the control). ``instead_of``: the weaker
    control of baseline that it replaces."""

    name: str
    forms: tuple[tuple[int, Control], ...]
    instead_of: str = ""

    def at(self, minor: int) -> Control | None:
        found = None
        for since, control in self.forms:
            if since <= minor:
                found = control
        return found


#: In the order of their messages.
_BASELINE = (
    Check("appArmorProfile", ((0, baseline.app_armor),)),
    Check("capabilities_baseline", ((0, baseline.capabilities),)),
    Check("hostNamespaces", ((0, baseline.host_namespaces),)),
    Check("hostPathVolumes", ((0, baseline.host_path_volumes),)),
    Check("hostPorts", ((0, baseline.host_ports),)),
    Check("hostProbesAndHostLifecycle", ((34, baseline.probe_hosts),)),
    Check("privileged", ((0, baseline.privileged),)),
    Check("procMount", ((0, baseline.proc_mount), (35, baseline.proc_mount_35))),
    Check("seLinuxOptions", ((0, baseline.selinux), (31, baseline.selinux_31))),
    Check("seccompProfile_baseline", ((0, baseline.seccomp), (19, baseline.seccomp_19))),
    Check(
        "sysctls",
        ((0, baseline.sysctls), (27, baseline.sysctls_27), (29, baseline.sysctls_29), (32, baseline.sysctls_32)),
    ),
    Check("windowsHostProcess", ((0, baseline.windows_host_process),)),
)
_RESTRICTED = (
    Check("allowPrivilegeEscalation", ((8, restricted.escalation), (25, restricted.escalation_25))),
    Check(
        "capabilities_restricted",
        ((22, restricted.capabilities), (25, restricted.capabilities_25)),
        "capabilities_baseline",
    ),
    Check("procMount_restricted", ((35, baseline.proc_mount),), "procMount"),
    Check("restrictedVolumes", ((0, restricted.volumes),), "hostPathVolumes"),
    Check("runAsNonRoot", ((0, restricted.non_root),)),
    Check("runAsUser", ((23, restricted.user),)),
    Check(
        "seccompProfile_restricted",
        ((19, restricted.seccomp), (25, restricted.seccomp_25)),
        "seccompProfile_baseline",
    ),
)


@lru_cache(256)
def controls(level: str, minor: int) -> tuple[Control, ...]:
    """All that is asked of a pod."""
    if level == PRIVILEGED:
        return ()
    added = [check for check in _RESTRICTED if level == RESTRICTED and check.at(minor)]
    replaced = {check.instead_of for check in added}
    checks = [*(check for check in _BASELINE if check.name not in replaced), *added]
    return tuple(control for check in checks if (control := check.at(minor)))


def violations(level: str, minor: int, metadata: Obj, spec: Spec) -> list[Violation]:
    """What of the pod the level does not allow."""
    return [found for control in controls(level, minor) if (found := control(metadata, spec))]
