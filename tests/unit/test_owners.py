"""Who owns nix.conf: the evidence, and where nixtrust may then write."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nixtrust.conf import Unreadable
from nixtrust.machine import Daemon, Machine, Manager
from nixtrust.owners import Kind, owner_of, reads, vendor_of
from tests.unit.observed import CUSTOM, NIX_CONF, machine

OWN = "/home/baleen/.config/nix/nix.conf"
NO_DAEMON = Daemon(Manager.NONE, "", "", "", None, False)
INCLUDING = "max-jobs = 2\n!include nix.custom.conf\n"
STATIC = "/etc/static/nix/nix.conf"
STORE = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-nix.conf"
DETERMINATE = frozenset({"determinate-nixd"})

CASES: Mapping[str, tuple[Machine, Kind, str | None]] = {
    "debian": (machine(), Kind.DEBIAN, NIX_CONF),
    "upstream": (machine(evidence=frozenset()), Kind.UPSTREAM, NIX_CONF),
    "debian, including": (machine(INCLUDING), Kind.CUSTOM, CUSTOM),
    "including by way of another": (
        machine("include a.conf\n", {"/etc/nix/a.conf": "!include ./nix.custom.conf\n"}),
        Kind.CUSTOM,
        CUSTOM,
    ),
    "a custom file that nobody includes": (
        machine("max-jobs = 2\n", {CUSTOM: "max-jobs = 3\n"}),
        Kind.DEBIAN,
        NIX_CONF,
    ),
    "determinate by its program": (
        machine(INCLUDING, evidence=DETERMINATE),
        Kind.DETERMINATE,
        CUSTOM,
    ),
    "determinate by its header": (
        machine(INCLUDING, headers={NIX_CONF: "determinate"}),
        Kind.DETERMINATE,
        CUSTOM,
    ),
    "determinate's installer of upstream's Nix": (
        machine(INCLUDING),
        Kind.CUSTOM,
        CUSTOM,
    ),
    "determinate's module for nix-darwin": (
        machine(INCLUDING, {CUSTOM: "\n"}, {CUSTOM: STORE}, evidence=DETERMINATE),
        Kind.DETERMINATE_MODULE,
        None,
    ),
    "determinate's module for NixOS": (
        machine(
            INCLUDING,
            {CUSTOM: "\n"},
            {CUSTOM: STORE},
            headers={NIX_CONF: "determinate"},
            evidence=frozenset({"nixos"}),
        ),
        Kind.NIXOS,
        None,
    ),
    "determinate, and a link of somebody's": (
        machine(INCLUDING, {CUSTOM: "\n"}, {CUSTOM: "/home/baleen/c"}, evidence=DETERMINATE),
        Kind.LINK,
        None,
    ),
    "nixos by its link": (machine(links={NIX_CONF: STATIC}), Kind.NIXOS, None),
    "nixos by its header": (machine(headers={NIX_CONF: "nixos"}), Kind.NIXOS, None),
    "nixos by its own mark": (machine(evidence=frozenset({"nixos"})), Kind.NIXOS, None),
    "nix-darwin by its header": (machine(headers={NIX_CONF: "nix-darwin"}), Kind.NIX_DARWIN, None),
    "nix-darwin by its kernel": (
        machine(links={NIX_CONF: STORE}, kernel="Darwin"),
        Kind.NIX_DARWIN,
        None,
    ),
    "a Mac of the upstream installer's": (
        machine(kernel="Darwin", evidence=frozenset()),
        Kind.UPSTREAM,
        NIX_CONF,
    ),
    "somebody's link": (machine(links={NIX_CONF: "/home/baleen/d/nix.conf"}), Kind.LINK, None),
    "somebody's link to nothing": (
        machine(None, {NIX_CONF: Unreadable()}, {NIX_CONF: "/home/baleen/gone"}),
        Kind.LINK,
        None,
    ),
    "somebody's link for people's settings": (
        machine(INCLUDING, {CUSTOM: "\n"}, {CUSTOM: "/home/baleen/c"}),
        Kind.LINK,
        None,
    ),
    "a link that nobody includes": (
        machine(files={CUSTOM: "\n"}, links={CUSTOM: "/home/baleen/c"}),
        Kind.DEBIAN,
        NIX_CONF,
    ),
    "single-user": (machine(store_owner="baleen", daemon=NO_DAEMON), Kind.SINGLE_USER, OWN),
    "home-manager": (
        machine(files={OWN: "\n"}, links={OWN: STORE}, store_owner="baleen", daemon=NO_DAEMON),
        Kind.HOME_MANAGER,
        None,
    ),
    "single-user, and a link": (
        machine(files={OWN: "\n"}, links={OWN: "/mnt/n"}, store_owner="baleen", daemon=NO_DAEMON),
        Kind.LINK,
        None,
    ),
    "a person's store with a daemon": (machine(store_owner="baleen"), Kind.DEBIAN, NIX_CONF),
    "nobody's store without a daemon": (
        machine(store_owner="1234", daemon=NO_DAEMON),
        Kind.DEBIAN,
        NIX_CONF,
    ),
    "root's store without a daemon": (machine(daemon=NO_DAEMON), Kind.DEBIAN, NIX_CONF),
}


@pytest.mark.parametrize("case", CASES)
def test_the_evidence_tells_the_owner_and_where_to_write(case: str) -> None:
    observed, kind, target = CASES[case]
    owner = owner_of(observed)
    assert (owner.kind, owner.target) == (kind, target)


@pytest.mark.parametrize("case", CASES)
def test_a_module_is_printed_only_where_nothing_is_written(case: str) -> None:
    owner = owner_of(CASES[case][0])
    assert owner.module is None or not owner.editable


def test_what_determinate_writes_anew_is_never_edited() -> None:
    for observed, _, _ in CASES.values():
        owner = owner_of(observed)
        assert owner.regenerated not in owner.editable


def test_includes_that_go_round_in_circles_are_followed_once() -> None:
    files = {f"/etc/nix/{n}.conf": f"include {(n + 1) % 30}.conf\n" * 2 for n in range(30)}
    assert owner_of(machine("include 0.conf\n", files)).kind is Kind.DEBIAN


def test_a_single_user_installation_reads_its_own_file_after_the_systems() -> None:
    observed = machine(
        "substituters = https://a\nfallback = true\n",
        {OWN: "extra-substituters = https://b\nfallback = false\n"},
        store_owner="baleen",
        daemon=NO_DAEMON,
    )
    assert observed.nix is not None
    folded = reads(owner_of(observed), observed.files, observed.nix)
    assert folded.tokens("substituters") == ("https://a", "https://b")
    assert folded.tokens("fallback") == ("false",)
    assert folded.refusal is None


XDG, ROOTS = "/etc/xdg/nix/nix.conf", "/root/.config/nix/nix.conf"


def test_the_daemon_reads_what_xdg_has_and_roots_own_file_after_the_systems() -> None:
    observed = machine(
        "substituters = https://a\ntrusted-users = root\nfallback = true\n",
        {
            XDG: "extra-substituters = https://b\ntrusted-users = *\nfallback = false\n",
            ROOTS: "extra-substituters = https://c\ntrusted-users = mia\n",
        },
    )
    assert observed.nix is not None
    folded = reads(owner_of(observed), observed.files, observed.nix)
    assert folded.tokens("substituters") == ("https://a", "https://b", "https://c")
    assert folded.tokens("trusted-users") == ("mia",)
    assert folded.tokens("fallback") == ("false",)


def test_a_file_that_nix_gives_up_in_the_middle_keeps_no_other_from_being_read() -> None:
    observed = machine(f"trusted-users = mia\n!include {'x' * 300}\n", {XDG: "fallback = true\n"})
    assert observed.nix is not None
    folded = reads(owner_of(observed), observed.files, observed.nix)
    assert folded.tokens("trusted-users") == ("root",)
    assert folded.tokens("fallback") == ("true",)


@pytest.mark.parametrize(
    ("token", "vendor"),
    [
        ("https://cache.flakehub.com", "FlakeHub"),
        ("https://cache.flakehub.com/", "FlakeHub"),
        ("https://cache.flakehub.com?trusted=1", None),
        ("http://cache.flakehub.com", None),
        ("cache.flakehub.com-10:2GqeNlIp6AKp4EF2MVbE1kBOp9iBSyo0UPR9KoR0o1Y=", "FlakeHub"),
        ("https://cache.lix.systems/", "Lix"),
        ("cache.lix.systems:aBnZUw8zA7H35Cz2RyKFVs3H4PlGTLawyY5KRbvJR8o=", "Lix"),
        ("https://cache.lix.systems.example.org", None),
        ("https://cache.lix.systems@example.org", None),
        ("https://x.cache.flakehub.com", None),
        ("cache.flakehub.com-x:AAAA", None),
        ("cache.flakehub.com", None),
        ("https://[::1", None),
        ("root", None),
        ("", None),
    ],
)
def test_a_vendors_cache_is_known_by_its_whole_address_and_its_keys_by_their_name(
    token: str, vendor: str | None
) -> None:
    assert vendor_of(token) == vendor


@given(st.text())
def test_any_word_is_a_vendors_or_not(token: str) -> None:
    assert vendor_of(token) in (None, "FlakeHub", "Determinate Systems", "Lix")
