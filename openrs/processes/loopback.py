"""Requests to this machine itself, which no proxy can pass on.

Many proxies answer 403 or 503 for 127.0.0.1. TRL's client of the vLLM server takes that for a server that is
not up yet, and asks again for ever.
"""

import os
from urllib.parse import urlsplit

HOSTS = ("127.0.0.1", "localhost")


def around_proxies() -> dict[str, str]:
    """NO_PROXY and no_proxy with this machine added: requests reads the one, others the other."""
    return {name: _with_hosts(os.environ.get(name, "")) for name in ("NO_PROXY", "no_proxy")}


def _with_hosts(hosts: str) -> str:
    if hosts.strip() == "*":  # no proxy for anything; in a list the star would stand for nothing
        return hosts
    return ",".join(filter(None, (hosts, *HOSTS)))


def is_here(url: str) -> bool:
    """Whether a URL's host is this machine, by its loopback names."""
    return urlsplit(url).hostname in (*HOSTS, "::1")
