#!/usr/bin/env python3
"""serial.py URL PAGES: robots.txt, index and all pages of `web latency`, one after the other on one connection."""
import http.client, sys
from urllib.parse import urlsplit

c = http.client.HTTPConnection(urlsplit(sys.argv[1]).netloc)
for path in ["/robots.txt", "/"] + [f"/p/{i}.html" for i in range(1, int(sys.argv[2]) + 1)]:
    c.request("GET", path)
    c.getresponse().read()
