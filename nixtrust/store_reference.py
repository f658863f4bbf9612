"""A substituter as Nix 2.34 and later understands it: parsed when the configuration is loaded.

Before 2.34 a substituter was any word. Source: NixOS/nix src/libstore/store-reference.cc
(StoreReference::parse) over src/libutil/url.cc, which stands on Boost.URL.
"""

import ipaddress
import posixpath
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

_PCT = "%[0-9A-Fa-f]{2}"
_UNRESERVED = r"A-Za-z0-9\-._~"
_WORD = rf"{_UNRESERVED}!$&'()*+,;="  # with RFC 3986's sub-delims
_URL = re.compile(rf"([A-Za-z][A-Za-z0-9+.-]*):(?://([^/]*)(?=/|\Z))?((?:[{_WORD}:@/]|{_PCT})*)")
_AUTHORITY = re.compile(
    rf"(?:((?:[{_WORD}]|{_PCT})*)(?::((?:[{_WORD}:]|{_PCT})*))?@)?"
    rf"(?:\[([^\[\]]*)\]|((?:[{_WORD}]|{_PCT})*))"
    r"(?::([0-9]*))?"
)
# Boost takes [ and ] in a query, and Nix encodes a quotation mark before Boost sees it.
_QUERY = re.compile(rf"(?:[{_WORD}:@/?\[\]\"]|{_PCT})*")
_ZONED = re.compile(rf"([^%]*)%25((?:[{_UNRESERVED}]|{_PCT})+)")
_FUTURE = re.compile(rf"v[0-9A-Fa-f]+\.[{_WORD}:]+")


@dataclass(frozen=True, slots=True, order=True)
class StoreReference:
    """A store as Nix keeps it. The order is that of Nix's set of them.

    `kind` counts Nix's variants: auto, a URL, daemon, local. Only a URL has scheme and authority;
    the authority has the path in it, percent-encoded. Parameters are decoded, sorted by name.
    """

    kind: int
    scheme: str
    authority: str
    params: tuple[tuple[bytes, bytes], ...]

    def __str__(self) -> str:
        words = {_AUTO: "auto", _DAEMON: "daemon", _LOCAL: "local"}
        base = words.get(self.kind, f"{self.scheme}://{self.authority}")
        query = "&".join(
            f"{quote(name, safe=':@/?')}={quote(value, safe=':@/?')}" for name, value in self.params
        )
        return f"{base}?{query}" if query else base


_AUTO, _SPECIFIED, _DAEMON, _LOCAL = range(4)


def store_reference(token: str) -> StoreReference:
    """The store that a word in `substituters` means; a relative path is taken from `/`.

    Raises ValueError where Nix 2.34 refuses the word.
    """
    base, _, query = token.partition("?")
    if not _QUERY.fullmatch(query):
        raise ValueError(f"'{token}' is no store: its query is not percent-encoded")
    params = _params(query)
    url = _url(base)
    if url is not None:
        return StoreReference(_SPECIFIED, *url, params)
    match base:
        case "" | "auto":
            return StoreReference(_AUTO, "", "", params)
        case "daemon":
            return StoreReference(*((_SPECIFIED, "unix") if params else (_DAEMON, "")), "", params)
        case "local":
            return StoreReference(*((_SPECIFIED, "local") if params else (_LOCAL, "")), "", params)
    if "/" in base and "://" not in base:
        path = "/" + posixpath.normpath(f"/{base}").lstrip("/")
        encoded = quote(path.encode("utf-8", "surrogateescape"), safe="/:@")
        return StoreReference(_SPECIFIED, "local", encoded, params)
    bare = _bare_ipv6(base)
    if bare is not None:
        return StoreReference(_SPECIFIED, *bare, params)
    raise ValueError(f"'{token}' is no store: write a URL such as https://cache.example.org")


def _params(query: str) -> tuple[tuple[bytes, bytes], ...]:
    """The first of each name counts; what has no `=` is dropped with a warning."""
    named: dict[bytes, bytes] = {}
    for pair in query.split("&"):
        name, equals, value = pair.partition("=")
        if equals:
            named.setdefault(unquote_to_bytes(name), unquote_to_bytes(value))
    return tuple(sorted(named.items()))


def _url(base: str) -> tuple[str, str] | None:
    found = _URL.fullmatch(base)
    if found is None:
        return None
    scheme, written, path = found.groups()
    encoded = "/".join(_encoded(part, ":@") for part in path.split("/"))
    # `+` divides an application from its transport: tarball+file is a file (parseUrlScheme).
    is_file = scheme.partition("+")[2] == "file" or scheme == "file"
    if is_file and not path:
        encoded = "/"
    if written is None:
        return scheme, encoded
    authority = _AUTHORITY.fullmatch(written)
    if authority is None:
        return None
    user, password, literal, name, port = authority.groups()
    host = _encoded(name, "") if literal is None else _literal(literal)
    if host is None or (is_file and host) or (port and not 0 < int(port) < 65536):
        return None
    login = "" if user is None else _encoded(user, "")
    login += "" if password is None else f":{_encoded(password, '')}"
    at = "" if user is None else "@"
    return scheme, f"{login}{at}{host}" + (f":{int(port)}" if port else "") + encoded


def _encoded(text: str, keep: str) -> str:
    return quote(unquote_to_bytes(text), safe=keep)


def _literal(text: str) -> str | None:
    """The host in brackets as Nix prints it, or None if it is no address."""
    zoned = _ZONED.fullmatch(text)
    if zoned is not None and _is_ipv6(zoned[1]):
        # Boost gives the zone as long as it was written, filled up with NULs: two for each %XX.
        filling = "%00" * (2 * text.count("%"))
        return f"[{zoned[1]}%25{_encoded(zoned[2], '')}{filling}]"
    if _is_ipv6(text):
        return f"[{text}]"
    return f"[{_encoded(text, ':')}]" if _FUTURE.fullmatch(text) else None


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text


def _bare_ipv6(base: str) -> tuple[str, str] | None:
    """An IPv6 address without brackets, or one whose zone is not encoded, as old Nix took it."""
    scheme, colon, rest = base.partition(":")
    user, at, host = rest.removeprefix("//").rpartition("@")
    if "@" in user or not colon:
        return None
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    address, percent, zone = host.partition("%")
    encoded_percent = "%25" if percent else ""
    return (scheme, f"{user}{at}[{address}{encoded_percent}{zone}]") if _is_ipv6(address) else None
