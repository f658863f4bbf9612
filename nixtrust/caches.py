"""Caches and the keys that their paths may be signed with: what can be declared, and what not."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, ConfigDict

from nixtrust.declared import Problem, Strings, shown
from nixtrust.store_reference import store_reference


class Cache(BaseModel):
    """A binary cache and the keys that its paths may be signed with.

    + use: `always` puts it into everybody's `substituters`; `on-request` only lets a project's
      flake ask for it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    public_keys: Strings
    use: Literal["always", "on-request"] = "always"


# Caches and keys


def cache_problems(caches: tuple[Cache, ...]) -> Iterator[Problem]:
    """What is wrong with the declared caches and their keys."""
    if not caches:
        yield Problem("nix_caches", None, "nix_caches is empty; declare at least one cache")
    seen: set[str] = set()
    for cache in caches:
        for value, why in _why_bad_cache(cache, seen):
            url = _without_secrets(cache.url)
            yield Problem("nix_caches", value, f"cache {url!r}: {why}")
        # Nix takes a URL with and without its last slash for two stores, and asks both.
        seen.add(cache.url.lower().rstrip("/"))
    yield from _key_problems(key for cache in caches for key in cache.public_keys)


def _why_bad_cache(cache: Cache, seen: set[str]) -> Iterator[tuple[str, str]]:
    """What is wrong with one cache, each with the text to find its line by."""
    if why := _why_bad_url(cache.url):
        yield cache.url, why
    if cache.url.lower().rstrip("/") in seen:
        yield cache.url, "declared twice; keep one of them"
    if not cache.public_keys:
        yield cache.url, "has no key, so all it serves would be refused; add its public_keys"
    elif (host := _cachix_host(cache.url)) and not any(
        re.match(rf"{re.escape(host)}-[0-9]+:", key) for key in cache.public_keys
    ):
        yield (
            cache.public_keys[0],
            f"none of its keys is called {host}-1 or the like; Cachix signs so",
        )


_HARMLESS_PARAMETERS = {"priority": r"[0-9]+", "want-mass-query": r"true|false"}
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")


def _why_bad_url(url: str) -> str | None:
    """Why Nix could not use a URL as it is meant, or why it would be unsafe to let it."""
    if bad := re.search(r"""[^!-~]|["'`,#<>\\^{|}%]""", url):
        return f"{bad[0]!r} cannot stand in a cache's URL"
    try:
        parts = urlsplit(url)
        port = parts.netloc.rpartition("]")[2].partition(":")[1:]
        host = parts.netloc.removesuffix("".join(port)) if parts.port else parts.netloc
    except ValueError as error:
        return f"not a URL ({error})"
    if "@" in parts.netloc:
        return "a user name or password has no place in a URL that everybody can read; take it out"
    if not url.startswith(("https://", "http://")):
        return "only https:// (or http:// to this very machine) can be declared"
    if not _HOST.fullmatch(host) or ".." in host:
        return f"{host!r} is no host name in lower case"
    if parts.scheme == "http" and not _is_loopback(host.strip("[]")):
        return "plain http can be read and changed on the way; write https://"
    if host.endswith("cachix.org") and not re.fullmatch(r"[a-z0-9-]+\.cachix\.org", host):
        return "a Cachix cache is https://NAME.cachix.org"
    if "//" in parts.path:
        return "the path has an empty part (//)"
    return (_why_bad_query(parts.query) if "?" in url else None) or _why_not_as_written(url)


def _why_not_as_written(url: str) -> str | None:
    try:
        spelled_by_nix = str(store_reference(url))
    except ValueError:
        return "Nix 2.34 and later cannot parse it; take out the odd characters"
    if spelled_by_nix != url:
        return f"Nix 2.34 and later makes {_without_secrets(spelled_by_nix)!r} of it; write that"
    return None


def _why_bad_query(query: str) -> str | None:
    parameters = parse_qsl(query, keep_blank_values=True)
    for name, value in parameters:
        if name == "trusted":
            return "the parameter trusted makes Nix take what nobody signed; take it out"
        if name not in _HARMLESS_PARAMETERS:
            known = " and ".join(_HARMLESS_PARAMETERS)
            return f"the parameter {name!r} cannot be declared; {known} can"
        if not re.fullmatch(_HARMLESS_PARAMETERS[name], value):
            return f"the parameter {name} has a value that Nix does not take"
    names = [name for name, _ in parameters]
    if not names or names != sorted(set(names)):
        # Nix >= 2.34 sorts them (NixOS/nix src/libstore/store-reference.cc), older ones do not.
        return "parameters stand once each, in alphabetical order"
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _cachix_host(url: str) -> str | None:
    found = re.match(r"https://([^/:?]+\.cachix\.org)(?=[/:?]|$)", url)
    return found[1] if found else None


def _without_secrets(url: str) -> str:
    """The URL with its userinfo and the value of every parameter but the harmless masked."""
    url = re.sub(r"//.*@", "//***@", url)
    harmless = "|".join(_HARMLESS_PARAMETERS)
    return re.sub(rf"([?&](?!(?:{harmless})=)[^=&]*=)[^&]*", r"\1***", url)


def _key_problems(keys: Iterable[str]) -> Iterator[Problem]:
    body_of: dict[str, str] = {}
    name_of: dict[str, str] = {}
    for key in dict.fromkeys(keys):
        if why := _why_bad_key(key):
            yield Problem("nix_caches", key, f"key {_shown_key(key)}: {why}")
            continue
        name, _, body = key.partition(":")
        if body_of.setdefault(name, body) != body:
            # NixOS/nix src/libstore/keys.cc: publicKeys.emplace keeps the first and says nothing.
            why = (
                "another key of this name stands above, and Nix takes the first; keep the right one"
            )
            yield Problem("nix_caches", key, f"key {_shown_key(key)}: {why}")
        if (other := name_of.setdefault(body, name)) != name:
            why = f"the body is that of {other}: one of the two is wrong"
            yield Problem("nix_caches", key, f"key {_shown_key(key)}: {why}")


def _why_bad_key(key: str) -> str | None:
    """Why a key is not `name:base64` of 32 bytes in its one canonical spelling.

    Nix reads keys when the first signature is checked: one that is malformed then ends every
    download, from all caches (NixOS/nix#8271).
    """
    name, colon, body = key.partition(":")
    if not colon or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+@=/~-]*", name):
        return "a key is NAME:BASE64, as `nix key convert-secret-to-public` prints it"
    try:
        raw = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        unpadded = re.fullmatch(r"[A-Za-z0-9+/]{43}", body)
        return "the last = is missing" if unpadded else "what follows the colon is not base64"
    if len(raw) == 64:
        return "this is a SECRET signing key; take it out of here, and replace the key pair"
    if len(raw) != 32:
        return f"the key has {len(raw)} bytes, not 32"
    if base64.b64encode(raw).decode() != body:
        return "the base64 is not in its canonical spelling; copy the key again"
    return None


def _shown_key(key: str) -> str:
    """A key in full unless its body is longer than a public key's: a secret one must not show."""
    name, colon, body = key.partition(":")
    if not colon:
        return shown(key)
    return repr(key) if len(body) <= 44 else f"{name + ':'!r} ({len(body)} characters, not shown)"
