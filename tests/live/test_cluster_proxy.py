"""The API server's proxy to pods, Services and nodes, as kubectl and a browser behind `kubectl proxy` use it."""

from __future__ import annotations

import json
import re
import socket
import urllib.error
import urllib.request
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.live import manifests
from tests.live.kubectl import Kubectl
from tests.live.machine import needs_containerd, needs_root
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, needs_root, needs_containerd]

SCRIPT = """
mkdir -p /www/cgi-bin && cd /www
echo '<a href="/there">there</a>' > index.html
cat > cgi-bin/echo <<'END'
#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
echo "$REQUEST_METHOD $QUERY_STRING"
cat
END
chmod +x cgi-bin/echo
httpd -f -p 80 & trap 'exit 0' TERM; wait $!
"""


def test_pods_services_and_nodes_by_proxy(kubectl: Kubectl) -> None:
    container = manifests.shell(SCRIPT, ports=[{"containerPort": 80}])
    kubectl("apply", "-f", "-", given=manifests.deployment("web", container))
    kubectl("apply", "-f", "-", given=manifests.service("web", 8080))
    kubectl("rollout", "status", "deployment/web", "--timeout=120s")
    name = kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}")
    root = f"/api/v1/namespaces/{kubectl.namespace}"
    for there in (f"pods/{name}", f"pods/http:{name}:80", "services/web", "services/web:8080"):
        base = f"{root}/{there}/proxy"

        def page(base: str = base) -> bool:
            return f'<a href="{base}/there">' in kubectl.run("get", "--raw", f"{base}/").out

        eventually(page, there)
        assert kubectl("get", "--raw", f"{base}/cgi-bin/echo?a=1") == "GET a=1\n"
        assert "NotFound" in kubectl.fails("get", "--raw", f"{base}/nothing")
    refused = kubectl.fails("get", "--raw", f"{root}/pods/{name}:81/proxy/")
    assert "error trying to reach service" in refused and "ServiceUnavailable" in refused
    node = kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
    assert kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/healthz") == "ok"
    with kubectl.follow("proxy", "--port=0") as proxy:
        port = proxy.until(r"127\.0\.0\.1:(\d+)").group(1)
        url = f"http://127.0.0.1:{port}{root}/services/web/proxy"
        with urllib.request.urlopen(url, timeout=60) as answer:  # follows the redirect to the path with a slash
            assert answer.url == f"{url}/" and b"/proxy/there" in answer.read()
        asked = urllib.request.Request(f"{url}/cgi-bin/echo", data=b"sent by post", method="POST")
        with urllib.request.urlopen(asked, timeout=60) as answer:
            assert answer.read() == b"POST \nsent by post"
        for there in (f"pods/{name}", "services/web"):
            for method in ("PUT", "PATCH", "DELETE", "OPTIONS"):  # the container's own server does not know them
                path = f"http://127.0.0.1:{port}{root}/{there}/proxy/x"
                with pytest.raises(urllib.error.HTTPError) as refused_by:
                    urllib.request.urlopen(urllib.request.Request(path, method=method), timeout=60)
                assert refused_by.value.code == 501, (there, method)


def test_kubectl_proxy_on_a_socket(kubectl: Kubectl, tmp_path: Path) -> None:
    path = str(tmp_path / "proxy.sock")
    with kubectl.follow("proxy", f"--unix-socket={path}") as proxy:
        proxy.until("Starting to serve on")
        connection = HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(60)
        connection.sock.connect(path)
        connection.request("GET", "/api/")
        assert json.loads(connection.getresponse().read())["kind"] == "APIVersions"
        connection.close()


def test_metrics_health_components_and_flows(kubectl: Kubectl) -> None:
    metrics = kubectl("get", "--raw", "/metrics")
    for name in (
        'apiserver_request_total{verb="GET"',
        'apiserver_request_duration_seconds_bucket{verb="LIST"',
        'apiserver_registered_watchers{group="",version="v1",kind="Pod"}',
        'apiserver_resource_objects{group="",resource="nodes"} 1',
        'workqueue_depth{name="replicaset"}',
        'scheduler_pending_pods{queue="active"}',
        'apiserver_flowcontrol_nominal_limit_seats{priority_level="workload-low"} 245',
        "process_resident_memory_bytes",
    ):
        assert f"\n{name}" in metrics, name
    ready = kubectl("get", "--raw", "/readyz?verbose&exclude=shutdown")
    assert "[+]etcd ok\n" in ready and "[+]shutdown excluded: ok\n" in ready
    assert kubectl("get", "--raw", "/livez/poststarthook/rbac/bootstrap-roles") == "ok"
    components = kubectl.run("get", "componentstatuses")
    assert "v1 ComponentStatus is deprecated in v1.19+" in components.err
    for name in ("scheduler", "controller-manager", "etcd-0"):
        assert f"\n{name} " in components.out
    assert components.out.count("Healthy") == 3
    flows = kubectl("get", "flowschemas", "catch-all")
    assert re.search(r"^catch-all +catch-all +10000 +ByUser +\S+ +False$", flows, re.MULTILINE), flows
    levels = kubectl("get", "prioritylevelconfigurations", "workload-low")
    assert re.search(r"^workload-low +Limited +100 +128 +6 +50 ", levels, re.MULTILINE), levels
