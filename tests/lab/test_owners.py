"""Whoever owns nix.conf: it says what is declared after a run, or nothing of it was touched."""

import json
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import pytest

import lab
from lab.cache import caches
from tests.lab import layouts
from tests.lab.layouts import Layout, determinate, installer_conf, newer_installer, single_user
from tests.lab.whole_run import pyinfra

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
LAB = "owners"
CUSTOM = "/etc/nix/nix.custom.conf"

DETSYS_EARLY = installer_conf("53712b4335030e2d")
DETSYS_LATE = installer_conf("6bb8d6b0dd16b44e")
NIXOS_ORG = installer_conf("74ee0ae5ad21a1b1")
LIX_LATE = installer_conf("daa9d824601c088f")
LIX_OLD = installer_conf("24797ac05542ff8b")
WRITTEN_BY = installer_conf("71f7fdc9f6c9e55c")


@pytest.fixture(scope="module")
def machines() -> Mapping[str, lab.Machine]:
    """One machine of each suite."""
    names = {suite: f"owners-{suite}" for suite in lab.SUITES}
    specs = [
        lab.MachineSpec(name, suite, f"127.77.5.{number}", lab=LAB, people=("baleen",))
        for number, (suite, name) in enumerate(names.items(), start=1)
    ]
    return {machine.suite: machine for machine in lab.up(specs)}


def with_a_suite(cases: Iterable[str]) -> list[object]:
    """Each case with the suites on which it is tried: in turn one, by `make soak` all."""
    in_turn = zip(cases, cycle(lab.SUITES), strict=False)
    everywhere = os.environ.get("NIXTRUST_WAYS") == "all"
    return [
        pytest.param(case, lab.SUITES if everywhere else (suite,), id=case)
        for case, suite in in_turn
    ]


# Runs ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Run:
    """What a run of the deploy said: its status and, by machine, its lines as they are printed."""

    status: int
    lines: Mapping[str, tuple[str, ...]]

    def of(self, machine: lab.Machine) -> str:
        return "\n".join(self.lines.get(machine.name, ()))


def deploy(machines: Mapping[str, lab.Machine], what: str = "deploy.py") -> Run:
    these = [word for machine in machines.values() for word in ("--limit", machine.name)]
    done = pyinfra(LAB, "-y", "--diff", *these, "inventory/lab.py", what)
    lines: dict[str, tuple[str, ...]] = {}
    for line in done.stdout.splitlines():
        if prefix := re.match(r" *\[([a-z-]+)\] *", line):
            lines[prefix[1]] = (*lines.get(prefix[1], ()), line)
    return Run(done.returncode, lines)


def lay_on_all(machines: Mapping[str, lab.Machine], layout: Layout) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda machine: layouts.lay(machine, layout), machines.values()))


# What there is ------------------------------------------------------------------------------------


def nix_says(machine: lab.Machine) -> Mapping[str, set[str]]:
    """The settings as the machine's own Nix reads them from /etc/nix, each as its words."""
    said = machine.run(
        "NIX_USER_CONF_FILES= XDG_CONFIG_DIRS=/nonexistent NIX_CONF_DIR=/etc/nix"
        " nix --extra-experimental-features nix-command show-config"
    )
    assert said.returncode == 0, said.stderr
    return _words(said.stdout)


def _words(shown: str) -> Mapping[str, set[str]]:
    pairs = (line.partition(" =") for line in shown.splitlines())
    return {name: set(value.split()) for name, _, value in pairs}


def declared(machine: lab.Machine) -> Mapping[str, set[str]]:
    """What inventory/lab.py and group_data/ declare for the machine."""
    its = caches(LAB)
    urls = (its.team.url, its.second.url, its.on_request.url)
    return {
        "substituters": {its.team.url, its.second.url},
        "trusted-substituters": {f"{url}/" for url in urls},
        "trusted-public-keys": {
            cache.public_key for cache in (its.team, its.second, its.on_request)
        },
        "trusted-users": {"root"},
        "connect-timeout": {"5"},
        # Nix 2.8 aborts with it.
        "fallback": {"false" if machine.suite == "bookworm" else "true"},
    }


def differing(there: Mapping[str, set[str]], wanted: Mapping[str, set[str]]) -> list[str]:
    return [setting for setting, words in wanted.items() if there[setting] != words]


Tree = Mapping[str, tuple[object, ...]]


def tree(machine: lab.Machine) -> Tree:
    """All that a run might write: bytes, links, modes, times and inodes, folders' too."""
    laid = (machine.root / layouts.STORE.lstrip("/")).parent.glob(f"{Path(layouts.STORE).name}*")
    roots = [*(machine.root / name for name in ("etc/nix", "etc/static", "home/baleen")), *laid]
    paths = [path for root in roots for path in (root, *_below(root))]
    return {
        str(path.relative_to(machine.root)): _state(path) for path in paths if os.path.lexists(path)
    }


def _below(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        yield from (Path(folder, each) for each in (*folders, *files))


def _state(path: Path) -> tuple[object, ...]:
    found = path.lstat()
    content: object = None
    if path.is_symlink():
        content = os.readlink(path)
    elif path.is_file():
        content = path.read_bytes()
    return (stat.filemode(found.st_mode), found.st_uid, found.st_mtime_ns, found.st_ino, content)


def text_of(machine: lab.Machine, path: str) -> str:
    return (machine.root / path.lstrip("/")).read_text()


# Owners whose file is written ---------------------------------------------------------------------

WRITTEN: Mapping[str, tuple[Layout, tuple[str, ...]]] = {
    "debian": (layouts.DEBIAN, ("/etc/nix/nix.conf",)),
    "upstream": (layouts.UPSTREAM, ("/etc/nix/nix.conf",)),
    "lix, old": (Layout({"/etc/nix/nix.conf": LIX_OLD}), ("/etc/nix/nix.conf",)),
    "included late": (newer_installer(NIXOS_ORG, WRITTEN_BY), (CUSTOM,)),
    "included late, no such file": (newer_installer(NIXOS_ORG), (CUSTOM,)),
    "included early": (newer_installer(DETSYS_EARLY, WRITTEN_BY), (CUSTOM, "/etc/nix/nix.conf")),
    "included twice": (
        newer_installer(f"!include nix.custom.conf\n{NIXOS_ORG}", WRITTEN_BY),
        (CUSTOM,),
    ),
    "the installer's cache, then the include": (newer_installer(DETSYS_LATE), (CUSTOM,)),
    "lix, newer": (newer_installer(LIX_LATE), (CUSTOM,)),
    "trusted-users behind the include": (
        newer_installer(
            f"{NIXOS_ORG}\ntrusted-users = root baleen\n", f"{WRITTEN_BY}trusted-users = root mia\n"
        ),
        (CUSTOM, "/etc/nix/nix.conf"),
    ),
}


@pytest.mark.parametrize(("case", "suites"), with_a_suite(WRITTEN))
def test_nix_reads_what_is_declared_and_only_the_owners_files_changed(
    case: str, suites: tuple[str, ...], machines: Mapping[str, lab.Machine]
) -> None:
    machines = {suite: machines[suite] for suite in suites}
    layout, changing = WRITTEN[case]
    lay_on_all(machines, layout)
    before = {suite: tree(machine) for suite, machine in machines.items()}
    first = deploy(machines)
    for suite, machine in machines.items():
        assert differing(nix_says(machine), declared(machine)) == [], first.of(machine)
        after = tree(machine)
        files = {
            path
            for path in {*before[suite], *after}
            if before[suite].get(path) != after.get(path) and path != "etc/nix"
        }
        existed = [path for path in changing if path.lstrip("/") in before[suite]]
        assert files == {
            *(path.lstrip("/") for path in changing),
            *(f"{path}.before-nixtrust".lstrip("/") for path in existed),
        }
        for path in existed:
            was = before[suite][path.lstrip("/")]
            original, now = after[f"{path}.before-nixtrust".lstrip("/")], after[path.lstrip("/")]
            assert (original[-1], now[:2]) == (was[-1], was[:2])
    assert first.status == 0
    second = deploy(machines)
    assert second.status == 0
    for machine in machines.values():
        assert second.of(machine).count("No changes") == 4, second.of(machine)


def test_a_line_of_the_parent_goes_with_the_block_and_all_else_stays(
    machines: Mapping[str, lab.Machine],
) -> None:
    lay_on_all(machines, newer_installer(f"{DETSYS_EARLY}# mine\ntrusted-users = root mia\n"))
    run = deploy(machines)
    for machine in machines.values():
        kept = [
            line
            for line in f"{DETSYS_EARLY}# mine\n".splitlines(keepends=True)
            if not line.startswith("extra-trusted-")
        ]
        assert text_of(machine, "/etc/nix/nix.conf") == "".join(kept)
        said = run.of(machine)
        assert "mia is no longer trusted" in said
        assert "https://cache.flakehub.com (FlakeHub) are no longer used" in said
        assert "8 keys of FlakeHub are no longer trusted" in said


# Determinate Nix ----------------------------------------------------------------------------------

INCLUDE_ON_TOP = (
    f"{layouts.DETERMINATE_HEAD}!include nix.custom.conf\n\nmax-jobs = auto\n"
    f"{layouts.DETERMINATE_REST}"
)


@pytest.mark.parametrize(
    ("nix_conf", "custom"),
    [(layouts.DETERMINATE_CONF, None), (INCLUDE_ON_TOP, "trusted-users = root baleen\n")],
    ids=["included in the middle", "included on top"],
)
def test_determinate_gets_the_block_and_keeps_what_it_would_bring_back(
    nix_conf: str, custom: str | None, machines: Mapping[str, lab.Machine]
) -> None:
    lay_on_all(machines, determinate(nix_conf, custom))
    first = deploy(machines)
    assert first.status == 0
    for machine in machines.values():
        assert text_of(machine, "/etc/nix/nix.conf") == nix_conf
        there, wanted = nix_says(machine), declared(machine)
        added = {setting: there[setting] - wanted[setting] for setting in wanted}
        assert {setting: words for setting, words in added.items() if words} == {
            "substituters": {"https://install.determinate.systems"},
            "trusted-substituters": {
                "https://cache.flakehub.com",
                "https://install.determinate.systems",
            },
            "trusted-public-keys": set(layouts.FLAKEHUB_KEYS),
        }
        assert not [setting for setting in wanted if wanted[setting] - there[setting]]
        assert "3 keys of FlakeHub are brought back at each start" in first.of(machine)
    second = deploy(machines)
    for machine in machines.values():
        assert second.of(machine).count("No changes") == 4, second.of(machine)


def test_a_vendors_cache_in_nix_custom_conf_is_not_the_vendors_to_keep(
    machines: Mapping[str, lab.Machine],
) -> None:
    one = {"trixie": machines["trixie"]}
    custom = f"extra-trusted-public-keys = {layouts.FLAKEHUB_KEYS[0]}\n"
    lay_on_all(one, determinate("# DETERMINATE NIX CONFIG\n!include nix.custom.conf\n", custom))
    assert deploy(one).status == 0
    assert differing(nix_says(one["trixie"]), declared(one["trixie"])) == []


def test_where_determinates_own_line_wins_nothing_is_written_and_the_line_is_named(
    machines: Mapping[str, lab.Machine],
) -> None:
    line = layouts.DETERMINATE_CONF.count("\n") + 1
    nix_conf = f"{layouts.DETERMINATE_CONF}trusted-users = root baleen\n"
    lay_on_all(machines, determinate(nix_conf, "max-jobs = 2\n"))
    before = {suite: tree(machine) for suite, machine in machines.items()}
    run = deploy(machines)
    assert run.status == 1
    for suite, machine in machines.items():
        assert tree(machine) == before[suite]
        assert (
            f"nothing written: /etc/nix/nix.conf:{line}: trusted-users: baleen is not declared"
            f" (declared: root); that line wins over {CUSTOM}: take it out"
        ) in run.of(machine)


# Owners whose files are not ours ------------------------------------------------------------------

# The layout, the option that the printed module gives, and how it comes into force.
MODULES: Mapping[str, tuple[Layout, str, str]] = {
    "NixOS": (layouts.NIXOS, "nix.settings", "nixos-rebuild switch"),
    "nix-darwin": (layouts.NIX_DARWIN, "nix.settings", "darwin-rebuild switch"),
    "Determinate's module": (
        layouts.DETERMINATE_NIX_DARWIN,
        "determinateNix.customSettings",
        "darwin-rebuild switch",
    ),
    "NixOS, with Determinate Nix": (
        layouts.DETERMINATE_NIXOS,
        "nix.settings",
        "nixos-rebuild switch",
    ),
    "home-manager": (layouts.HOME_MANAGER, "nix.settings", "home-manager switch"),
}


@pytest.mark.parametrize(("case", "suites"), with_a_suite(MODULES))
def test_nothing_is_written_and_the_printed_module_is_what_is_declared(
    case: str, suites: tuple[str, ...], machines: Mapping[str, lab.Machine]
) -> None:
    machines = {suite: machines[suite] for suite in suites}
    layout, option, rebuild = MODULES[case]
    lay_on_all(machines, layout)
    before = {suite: tree(machine) for suite, machine in machines.items()}
    run = deploy(machines)
    assert run.status == 1
    for suite, machine in machines.items():
        said = run.of(machine)
        assert tree(machine) == before[suite], said
        value = evaluated(machine, printed_module(run.lines[machine.name]))
        for name in option.split("."):
            assert isinstance(value, dict)
            value = value[name]
        wanted = declared_in_order(machine)
        if case == "home-manager":
            del wanted["trusted-users"]
        assert value == wanted
        assert f"then `{rebuild}`" in said
        assert len([line for line in run.lines[machine.name] if "still differs" in line]) == 1


def printed_module(lines: tuple[str, ...]) -> str:
    """The module as somebody copies it, without the machine's name in front of each line."""
    bare = [re.sub(r"^ *\[[a-z-]+\] +", "", line) for line in lines]
    begin, end = bare.index("{ lib, ... }:"), bare.index("}")
    return "\n".join(bare[begin : end + 1])


def evaluated(machine: lab.Machine, module: str) -> object:
    """What the machine's own Nix makes of a module's text."""
    found = machine.run(
        "PATH=$PATH:/home/baleen/.nix-profile/bin\n"
        "$(command -v nix | sed 's/$/-instantiate/') --eval --strict --json -E"
        f" '({module}) {{ lib.mkForce = value: value; }}'"
    )
    assert found.returncode == 0, found.stderr
    value: object = json.loads(found.stdout)
    return value


def declared_in_order(machine: lab.Machine) -> dict[str, object]:
    its = caches(LAB)
    three = (its.team, its.second, its.on_request)
    fallback = {} if machine.suite == "bookworm" else {"fallback": True}
    return {
        "substituters": [its.team.url, its.second.url],
        "trusted-substituters": [f"{cache.url}/" for cache in three],
        "trusted-public-keys": [cache.public_key for cache in three],
        "trusted-users": ["root"],
        "connect-timeout": 5,
        **fallback,
    }


@pytest.mark.parametrize("lay_out", [layouts.by_nixos, layouts.determinate_nixos])
def test_a_module_that_declares_it_all_is_in_step_and_nothing_is_printed(
    lay_out: Callable[[str], Layout], machines: Mapping[str, lab.Machine]
) -> None:
    for machine in machines.values():
        conf = "".join(
            f"{setting} = {' '.join(sorted(words))}\n"
            for setting, words in declared(machine).items()
        )
        layouts.lay(machine, lay_out(conf))
    run = deploy(machines)
    assert run.status == 0, run
    for machine in machines.values():
        assert run.of(machine).count("No changes") == 4
        assert "lib.mkForce" not in run.of(machine)


def test_somebodys_own_link_is_left_alone_and_named(machines: Mapping[str, lab.Machine]) -> None:
    lay_on_all(machines, layouts.DOTFILES)
    before = {suite: tree(machine) for suite, machine in machines.items()}
    run = deploy(machines)
    assert run.status == 1
    for suite, machine in machines.items():
        assert tree(machine) == before[suite]
        said = run.of(machine)
        # Somebody may make it anything: it is not even read.
        assert "nothing written: /home/baleen: baleen, who owns it, can change it" in said
        assert "/etc/nix/nix.conf must not lead there: take the link" in said
        assert "lib.mkForce" not in said


# A person's own store -----------------------------------------------------------------------------

SINGLE_USER_CONFS = {
    "none": None,
    "of its own": "# mine\nextra-substituters = https://old.cachix.org\nmax-jobs = 3\n",
}


@pytest.mark.parametrize("user_conf", SINGLE_USER_CONFS.values(), ids=SINGLE_USER_CONFS)
def test_a_single_user_installation_is_set_in_the_persons_own_nix_conf(
    user_conf: str | None, machines: Mapping[str, lab.Machine]
) -> None:
    system_conf = "substituters = https://older.cachix.org\nbuild-fallback = false\n"
    lay_on_all(machines, single_user(user_conf, system_conf))
    before = {suite: tree(machine)["etc/nix/nix.conf"] for suite, machine in machines.items()}
    first = deploy(machines)
    assert first.status == 0, first
    for suite, machine in machines.items():
        said = machine.run("exec .nix-profile/bin/nix show-config", user="baleen")
        if said.returncode != 0:  # show-config is an experimental feature, unless that is set
            said = machine.run(
                "exec .nix-profile/bin/nix --extra-experimental-features nix-command show-config",
                user="baleen",
            )
        wanted = {**declared(machine), "max-jobs": {"3"} if user_conf else {"1"}}
        assert differing(_words(said.stdout), wanted) == [], first.of(machine)
        assert tree(machine)["etc/nix/nix.conf"] == before[suite]
        owned = machine.run("find .config ! -user baleen; stat -c %a .config/nix", user="baleen")
        assert owned.stdout.split() == ["755"]
    second = deploy(machines)
    for machine in machines.values():
        assert second.of(machine).count("No changes") == 4, second.of(machine)
    assert deploy(machines, "undo.py").status == 0
    for machine in machines.values():
        left = machine.run("cat .config/nix/nix.conf; ls -A .config/nix", user="baleen")
        assert left.stdout == (f"{user_conf}nix.conf\n" if user_conf else "")


def test_what_undermines_a_single_user_installation_from_the_systems_file_is_named(
    machines: Mapping[str, lab.Machine],
) -> None:
    one = {"sid": machines["sid"]}
    lay_on_all(one, single_user("max-jobs = 3\n", "\nrequire-sigs = false\n"))
    run = deploy(one)
    assert run.status == 1
    assert (
        "still differs: /etc/nix/nix.conf:2: require-sigs = false: what nobody signed is taken"
    ) in run.of(one["sid"])
