"""Where a request comes from: its connection's address, or what a load balancer that we know says of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network


def client_address(peer: str, forwarded: str, balancers: Sequence[Network]) -> str:
    """Give the address that a request comes from.

    Args:
        peer: who is connected with us.
        forwarded: the header X-Forwarded-For, to which each balancer adds whom it was called by.
        balancers: whose word is taken. Whatever others have written before is left aside: anybody can send the header.
    """
    if not balancers or not forwarded or not _is_one_of(peer, tuple(balancers)):
        return peer
    address = peer
    for named in reversed(forwarded.split(",")):
        address = named.strip()
        if not _is_one_of(address, tuple(balancers)):
            break
    return address


@lru_cache(maxsize=256)
def _is_one_of(text: str, networks: tuple[Network, ...]) -> bool:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return any(_holds(network, mapped or address) for network in networks)


def _holds(network: Network, address: IPv4Address | IPv6Address) -> bool:
    return isinstance(network, IPv6Network) == isinstance(address, IPv6Address) and address in network
