"""Ports for servers that a test starts, stops and starts again.

Below what the kernel gives to outgoing connections (from 32768 on; Linux's `ip_local_port_range`): a port that is free
while its server is being started anew must not be taken by somebody's call in the meantime.
"""

import secrets
import socket
from contextlib import suppress

PORTS = range(10_000, 20_000)


def free_port() -> int:
    """A free port taken by lot: workers that look for the first one at once find the same."""
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
