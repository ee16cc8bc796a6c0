"""What the service takes, and how it computes."""

from dataclasses import dataclass
from ipaddress import ip_address

from spacy_relext.errors import RelextError

LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Settings:
    """The limits of a service. What is beyond one gets an answer that names it.

    hosts: The names and addresses by which the service may be asked for, without a port; "*": any.
    any_address: It may be asked for by any address in digits: no page of others has one for its name.
    max_body: Bytes of the body of a request. max_documents: Documents of a request. max_characters: Those of a text.
    max_pairs: Candidate pairs of a document. max_waiting: Documents that wait for their turn, of all requests.
    timeout: Seconds until a request is answered. body_timeout: Seconds until its body is there.
    batch_size, batch_characters: The most documents of a batch, and of their characters. batch_wait: Seconds that a batch
        waits at the most until it has as many documents as the one before.
    """

    hosts: tuple[str, ...] = LOOPBACK
    any_address: bool = False
    max_body: int = 4 * 2**20
    max_documents: int = 64
    max_characters: int = 50_000
    max_pairs: int = 10_000
    max_waiting: int = 256
    timeout: float = 60.0
    body_timeout: float = 15.0
    batch_size: int = 32
    batch_characters: int = 65_536
    batch_wait: float = 0.05

    def __post_init__(self) -> None:
        for name in ("max_body", "max_documents", "max_characters", "max_pairs", "max_waiting", "batch_size", "batch_characters"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise RelextError(f"`{name}` is {value!r:.60}; expected a whole number of at least 1.")
        for name, least in (("timeout", 0.001), ("body_timeout", 0.001), ("batch_wait", 0.0)):
            seconds = getattr(self, name)
            if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not least <= seconds < float("inf"):
                raise RelextError(f"`{name}` is {seconds!r:.60}; expected seconds, at least {least}.")

    def is_allowed(self, host: str) -> bool:
        """Whether the service may be asked for by this name. host: What the header Host says, with or without a port."""
        name = _without_port(host).lower().rstrip(".")
        if "*" in self.hosts or name in {given.strip("[]").lower() for given in self.hosts}:
            return True
        return self.any_address and is_address(name)


def is_address(name: str) -> bool:
    """Whether it is an address in digits."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host
