# SPDX-License-Identifier: Apache-2.0
"""A token service that answers as the test says, on a free loopback port."""

import base64
import itertools
import json
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl


class Request:
    """One request as it came: method, path, headers, raw body, form as pairs."""

    def __init__(self, method, path, headers, body, peer=None):
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
        self.peer = peer  # the client's certificate, as ssl.SSLSocket.getpeercert() has it
        self.form = parse_qsl(body.decode(), keep_blank_values=True)

    def basic(self):
        scheme, value = self.headers["Authorization"].split(" ", 1)
        assert scheme == "Basic"
        return base64.b64decode(value).decode()


def token_reply(token="token-0123456789abcdef", **members):
    body = {"access_token": token, "token_type": "Bearer", "expires_in": 3600}
    body.update(members)
    return 200, {}, json.dumps({k: v for k, v in body.items() if v is not None})


def numbered_tokens():
    """A reply for each request: canary-token-1, canary-token-2, ..."""
    numbers = itertools.count(1)
    return lambda _: token_reply(f"canary-token-{next(numbers)}")


def is_renewed_unasked(service, get):
    """Whether a token that get() gets, and that lives for two seconds, is fetched anew by itself
    once it is in use. Who does not get to run in time has to be tried again."""
    for _ in range(2):  # asked for again: in use
        get()
    asked, end = len(service.requests), time.monotonic() + 2.5
    while len(service.requests) == asked and time.monotonic() < end:
        time.sleep(0.01)
    return len(service.requests) > asked


def error_reply(status, error, description=None):
    body = {"error": error}
    if description:
        body["error_description"] = description
    return status, {}, json.dumps(body)


class TokenService:
    """`reply` is (status, headers, text), or a function of the Request that returns one."""

    def __init__(self, certificate=None, client_authority=None, version=None):
        """
        With `client_authority` only clients with a certificate of its are served; `version` is
        the one version of TLS that is spoken.
        """
        self.requests = []
        self.reply = token_reply()
        self.gate = threading.Event()  # replies wait for it
        self.gate.set()
        self.arrived = threading.Semaphore(0)
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                length = int(self.headers.get("Content-Length", 0))
                peer = self.connection.getpeercert() if certificate else None
                request = Request(
                    self.command, self.path, self.headers, self.rfile.read(length), peer
                )
                service.requests.append(request)
                service.arrived.release()
                service.gate.wait(60)
                reply = service.reply
                status, headers, text = reply(request) if callable(reply) else reply
                body = text.encode() if isinstance(text, str) else text
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # the client is free to leave

            do_GET = do_POST

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            if version:
                context.set_ciphers("DEFAULT:@SECLEVEL=0")
                context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
            context.load_cert_chain(certificate)
            if client_authority:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(client_authority)
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )
            self.scheme = "https"
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self.thread.start()

    def url(self, path="/oauth/token", host="127.0.0.1"):
        return f"{self.scheme}://{host}:{self.port}{path}"

    def close(self):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def make_certificates(folder):
    """
    Two CAs (ca.pem; stranger.pem signs nothing), certificates for 127.0.0.1 and another name, and
    one for a client, in several forms.
    """
    for name in ("ca", "stranger"):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                f"/CN=Test {name}", "-keyout", f"{folder}/{name}.key",
                "-out", f"{folder}/{name}.pem")
    for name, alternative in (("good", "IP:127.0.0.1"), ("other", "DNS:other.example"),
                              ("client", "DNS:client.example")):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
                "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.csr")
        with open(f"{folder}/{name}.ext", "w", encoding="ascii") as f:
            f.write(f"subjectAltName={alternative}\n")
        openssl("x509", "-req", "-in", f"{folder}/{name}.csr", "-CA", f"{folder}/ca.pem",
                "-CAkey", f"{folder}/ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", f"{folder}/{name}.ext", "-out", f"{folder}/{name}.crt")
        with open(f"{folder}/{name}.pem", "w", encoding="ascii") as out:
            for part in ("key", "crt"):
                with open(f"{folder}/{name}.{part}", encoding="ascii") as f:
                    out.write(f.read())
    openssl("x509", "-in", f"{folder}/ca.pem", "-outform", "DER", "-out", f"{folder}/ca.der")
    openssl("pkcs12", "-export", "-nokeys", "-in", f"{folder}/ca.pem", "-passout",
            "pass:store-password", "-out", f"{folder}/ca.p12")
    pair = ("-in", f"{folder}/client.crt", "-inkey", f"{folder}/client.key")
    openssl("pkcs12", "-export", *pair, "-certfile", f"{folder}/ca.pem", "-passout",
            "pass:store-password", "-out", f"{folder}/client.p12")
    openssl("pkcs8", "-topk8", "-in", f"{folder}/client.key", "-passout", "pass:store-password",
            "-out", f"{folder}/client-locked.key")
