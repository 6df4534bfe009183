"""What containers of the tests serve, with this machine's Python: who they are, by HTTP on two ports and by UDP; their
health, by gRPC.

    python serving.py              # until it is killed; each path that is asked for goes to stdout
    python serving.py grpc STATE   # STATE: number of a ServingStatus of grpc.health.v1 (1 is SERVING)
    python serving.py ask ADDRESS  # one datagram to ADDRESS, the answer to stdout
"""

from __future__ import annotations

import http.server
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

ONE, TWO, UDP, GRPC = 8080, 8081, 8090, 8091


class Who(http.server.BaseHTTPRequestHandler):
    server: http.server.HTTPServer

    def do_GET(self) -> None:
        body = f"{socket.gethostname()} {self.server.server_port}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        print(self.path, flush=True)


def serve() -> None:
    for port in (ONE, TWO):
        server = http.server.ThreadingHTTPServer(("", port), Who)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("", UDP))
        while True:
            data, client = udp.recvfrom(1000)
            udp.sendto(f"{socket.gethostname()} heard {data.decode()}".encode(), client)


def serve_health(state: int) -> None:
    import grpc

    answer = bytes((0x08, state))  # HealthCheckResponse: field 1, a number
    method = grpc.unary_unary_rpc_method_handler(lambda request, context: answer)
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": method}),))
    server.add_insecure_port(f"0.0.0.0:{GRPC}")
    server.start()
    server.wait_for_termination()


def ask(address: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(5)
        udp.sendto(b"hello", (address, UDP))
        return udp.recv(1000).decode()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["grpc", state]:
            serve_health(int(state))
        case ["ask", address]:
            print(ask(address))
        case _:
            serve()
