"""Controls of the kubelets' ports: section 4.2. Simulated nodes have none."""

from __future__ import annotations

import socket

from podo.cluster.benchmark.apiserver import tls_of
from podo.cluster.benchmark.control import Check, Control, Finding, failed, judged, skipped
from podo.cluster.benchmark.ground import Ground, Port

SIMULATED = "simulated nodes have no kubelet port"
READ_ONLY, CADVISOR = 10255, 4194


def _each(check: Check) -> Check:
    async def checked(ground: Ground) -> Finding:
        return await check(ground) if ground.kubelets else skipped(SIMULATED)

    return checked


async def _answers(ground: Ground, port: Port, who: str) -> int:
    """The status of a request for its pods, 0 where it does not even shake hands."""
    try:
        return (await ground.ask_at(port, "/pods", who=who))[0]
    except OSError:
        return 0


@_each
async def _anonymous(ground: Ground) -> Finding:
    wrong = [port.what for port in ground.kubelets if await _answers(ground, port, "") not in (0, 401, 403)]
    return judged(", ".join(wrong), "without a certificate there is no connection", "demand client certificates")


@_each
async def _authorization(ground: Ground) -> Finding:
    """Certificates of the cluster that are no administrator's."""
    names = ground.config.node_names[:1]
    others = [f"{who}-{name}" for who in ("kube-proxy", "kubelet") for name in names]
    wrong = [
        f"{port.what} lets {who} in"
        for port in ground.kubelets
        for who in others
        if await _answers(ground, port, who) not in (0, 401, 403)
    ]
    return judged("; ".join(wrong), f"{' and '.join(others)} are refused", "authorize by the API server")


@_each
async def _client_ca(ground: Ground) -> Finding:
    wrong = [port.what for port in ground.kubelets if await _answers(ground, port, "apiserver-kubelet-client") != 200]
    return judged(", ".join(wrong), "the API server's certificate opens it", "podo up")


@_each
async def _read_only(ground: Ground) -> Finding:
    open_ones = []
    for port in ground.kubelets:
        for number in (READ_ONLY, CADVISOR):
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex((port.host, number)) == 0:
                    open_ones.append(f"{port.host}:{number}")
    return judged(", ".join(open_ones), f"nothing listens on {READ_ONLY} and {CADVISOR}", "close it")


@_each
async def _tls(ground: Ground) -> Finding:
    return await tls_of(ground, ground.kubelets)


@_each
async def _certificates(ground: Ground) -> Finding:
    try:
        for port in ground.kubelets:
            ground.certificate_of(port)
    except OSError as refused:
        return failed(f"no certificate is shown: {refused}", "podo up")
    return await _client_ca(ground)


CONTROLS = (
    Control("4.2.1", "kubelets refuse anonymous requests", _anonymous),
    Control("4.2.2", "kubelets authorize who asks", _authorization),
    Control("4.2.3", "kubelets know the API server by the cluster's CA", _client_ca),
    Control("4.2.4", "there is no read-only port", _read_only),
    Control("4.2.9", "kubelets show certificates of the cluster's CA", _certificates),
    Control("4.2.12", "TLS of kubelets is modern", _tls),
)
