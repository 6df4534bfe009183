"""The API server's proxy to pods, Services and nodes, as kubectl and a browser behind `kubectl proxy` use it."""

from __future__ import annotations

import urllib.request

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
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
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
        with urllib.request.urlopen(url, timeout=10) as answer:  # follows the redirect to the path with a slash
            assert answer.url == f"{url}/" and b"/proxy/there" in answer.read()
        asked = urllib.request.Request(f"{url}/cgi-bin/echo", data=b"sent by post", method="POST")
        with urllib.request.urlopen(asked, timeout=10) as answer:
            assert answer.read() == b"POST \nsent by post"
