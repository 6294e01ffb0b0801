"""Ports that no other cluster on this machine takes, and a network of their own for the pods."""

import random
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

_FIRST, _BLOCKS, SIZE = 10000, 512, 4
# Below the range from which the kernel takes ports for outgoing connections (32768 and up).


@dataclass(frozen=True)
class Block:
    """Four neighbouring ports, kept from other clusters for as long as `claim` is open."""

    first: int
    claim: socket.socket

    def __getitem__(self, index: int) -> int:
        assert 0 <= index < SIZE
        return self.first + index

    @property
    def subnet(self) -> str:
        """The network of the cluster's pods."""
        return str(subnet_of(self.first))


def subnet_of(first: int) -> IPv4Network:
    """254 addresses out of 198.18.0.0/15, which is for measurements (RFC 2544) and so routed nowhere."""
    return IPv4Network((int(IPv4Address("198.18.0.0")) + (first - _FIRST) // SIZE * 256, 24))


def take() -> Block:
    """Four free ports. Two processes that ask at the same time get different ones."""
    for number in random.sample(range(_BLOCKS), _BLOCKS):
        first = _FIRST + number * SIZE
        # A name in the abstract namespace has one owner and goes with it: a lock that nobody has to clean up.
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0kubectl-caps-test-cluster-{first}")
        except OSError:
            claim.close()
            continue
        if all(_is_free(first + index) for index in range(SIZE)):
            return Block(first, claim)
        claim.close()
    raise OSError("no four neighbouring ports are free")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
