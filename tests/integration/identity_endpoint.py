"""The platform's token service of managed identities on loopback (REST protocol of 2019-08-01), with real tokens' form."""

import base64
import json
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = "secret-of-the-token-service"


class IdentityEndpoint:
    """Gives out JSON Web Tokens without a valid signature, numbered, and notes what was asked for."""

    def __init__(self):
        self.asked: list[dict[str, str]] = []
        self.tokens: list[str] = []
        self.lifetime_seconds = 3600.0
        self.status = 200
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
                if self.headers.get("X-IDENTITY-HEADER") != SECRET:
                    self._answer(401, {"error": "no X-IDENTITY-HEADER"})
                    return
                owner.asked.append(query)
                if owner.status != 200:
                    self._answer(
                        owner.status, {"statusCode": owner.status, "message": "No identity of that client id."}
                    )
                    return
                ends = time.time() + owner.lifetime_seconds
                token = json_web_token(query["resource"], ends, number=len(owner.tokens))
                owner.tokens.append(token)
                answer = {"access_token": token, "expires_on": str(int(ends)), "token_type": "Bearer"}
                self._answer(200, answer | {"resource": query["resource"], "client_id": query.get("client_id", "")})

            def _answer(self, status, content):
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def variables(self):
        """What the platform sets in a process with an identity."""
        port = self._server.server_address[1]
        return {"IDENTITY_ENDPOINT": f"http://127.0.0.1:{port}/msi/token", "IDENTITY_HEADER": SECRET}

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def json_web_token(resource, ends, *, number=0):
    """A token as storage and others read it; nobody here checks the signature."""
    tenant = "11111111-2222-3333-4444-555555555555"
    claims = {
        "aud": resource.rstrip("/"),
        "iss": f"https://sts.windows.net/{tenant}/",
        "iat": int(time.time()) - 60,
        "nbf": int(time.time()) - 60,
        "exp": int(ends),
        "tid": tenant,
        "oid": "00000000-0000-0000-0000-000000000001",
        "jti": str(number),
    }
    parts = ({"typ": "JWT", "alg": "RS256"}, claims)
    written = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*written, base64.urlsafe_b64encode(b"signature").rstrip(b"=").decode()])
