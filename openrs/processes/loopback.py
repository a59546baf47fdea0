"""Requests to this machine itself, which no proxy can pass on.

Many answer 403 or 503 for 127.0.0.1, which TRL's client of the vLLM server takes for a server that is not
up yet: it asks again for ever.
"""

import os
from urllib.parse import urlsplit

HOSTS = ("127.0.0.1", "localhost")


def around_proxies() -> dict[str, str]:
    """NO_PROXY and no_proxy with this machine added: requests reads the one, others the other."""
    return {name: _with_hosts(os.environ.get(name, "")) for name in ("NO_PROXY", "no_proxy")}


def _with_hosts(asked: str) -> str:
    if asked.strip() == "*":  # no proxy for anything; in a list the star would stand for nothing
        return asked
    return ",".join(filter(None, (asked, *HOSTS)))


def is_here(url: str) -> bool:
    """Whether a URL's host is this machine, by its loopback names."""
    return urlsplit(url).hostname in (*HOSTS, "::1")
