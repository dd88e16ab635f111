"""Serves the files of a folder by HTTP, with ranges, to who shows a cookie.

Arguments: the folder, and a file that the port is written to.
"""

import http.server
import os
import re
import sys

folder, port_file = sys.argv[1:3]


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, with_body):
        if "taste=vanilla" not in self.headers.get("Cookie", ""):
            self.send_error(403)
            return
        with open(os.path.join(folder, os.path.basename(self.path)), "rb") as file:
            data = file.read()
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        first, last = map(int, wanted.groups()) if wanted else (0, len(data) - 1)
        part = data[first : last + 1]
        self.send_response(206 if wanted else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(part)))
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        self.end_headers()
        if with_body:
            self.wfile.write(part)

    def do_GET(self):
        self.answer(True)

    def do_HEAD(self):
        self.answer(False)

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(port_file, "w") as file:
    file.write(f"{server.server_address[1]}\n")
server.serve_forever()
