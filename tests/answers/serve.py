#!/usr/bin/env python3
"""Serves what plant.py made, on 127.0.0.1.

    serve.py SITE_DIR PORT [CERTIFICATE_AND_KEY]
"""

import http.server
import json
import os
import ssl
import sys

site, port = sys.argv[1], int(sys.argv[2])
root = os.path.join(site, "files")
answers = json.load(open(os.path.join(site, "answers.json")))
TYPES = {".html": "text/html", ".xml": "application/xml", ".txt": "text/plain", ".css": "text/css", ".png": "image/png", ".svg": "image/svg+xml"}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = "/index.html" if self.path == "/" else self.path
        own = answers.get(path, {})
        if own.get("close"):
            self.close_connection = True
            return
        file, status, data = os.path.join(root, path.split("?")[0][1:]), own.get("status"), b""
        if status is None:
            status = 404
            if os.path.isfile(file):
                status, data = 200, open(file, "rb").read()
        self.send_response(status)
        for name, value in own.get("headers", {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", TYPES.get(os.path.splitext(file)[1], "application/octet-stream"))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
