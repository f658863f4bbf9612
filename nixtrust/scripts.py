"""The scripts that machines run: the shell files, with what they are to know put in front."""

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

from typing_extensions import override

from nixtrust.conf import BLOCK_BEGIN, BLOCK_END, MANAGED, ConfFile, Edit
from nixtrust.conf_settings import KINDS, NEEDS_FLAKES, may_be_seen, meant
from nixtrust.conf_table import ALIASES, SETTINGS, Sent
from nixtrust.finding import Finding, Remedy, Rule
from nixtrust.judge_access import conf_folder, mendable
from nixtrust.machine import Machine
from nixtrust.masks import is_masked
from nixtrust.owners import Owner, builders_group
from nixtrust.plan import ORIGINAL, Plan, Restore, Unkept
from nixtrust.removal import Cut
from nixtrust.search_script import search_script
from nixtrust.stored import Ranges

# What of a value may leave a machine, by setting.
SENT = {name: each.sent for name, each in SETTINGS.items() if each.sent is not Sent.NOTHING}


class Script(str):
    """A script's text. It shows its length only, because pyinfra logs arguments with -v."""

    __slots__ = ()

    @override
    def __repr__(self) -> str:
        return f"<script of {len(self)} characters>"

    @override
    def __str__(self) -> str:
        return repr(self)

    @override
    def __format__(self, format_spec: str) -> str:
        return repr(self)


def probe_script(declared: Mapping[str, str], search_paths: Iterable[str] = ()) -> Script:
    """The script that looks at a machine and writes nothing.

    + declared: the settings that are declared and their values, as a policy's `texts`
    + search_paths: folders below each home, as a policy's `cachix_search_paths`
    """
    text = probe_functions(declared, search_paths)
    pieces = [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)]
    names = [f"functions_{number}" for number in range(len(pieces))]
    together = "".join(f"${name}" for name in names)
    parts = [
        *map(_assignment, names, pieces),
        f'eval "{together}"\n',
        "say_functions() {\n",
        *(f'  printf %s "${name}"\n' for name in names),
        "}\n",
        _assignment("trusted_users", declared.get("trusted-users", "")),
        _shell("groups.sh"),
        _shell("writers.sh"),
        _shell("probe.sh"),
    ]
    return _main("".join(parts))


# Where printf is no builtin, as in Debian's mksh, a piece is an argument: of 128 KiB on Linux.
_PIECE = 96 * 1024


def probe_functions(declared: Mapping[str, str], search_paths: Iterable[str] = ()) -> str:
    """The text of all that looks into files, which root runs and each person's process.

    + declared, search_paths: as for `probe_script`
    """
    texts = [
        _shell("common.sh"),
        _shell("folder.sh"),
        _shell("masking.sh"),
        _shell("redact.sh"),
        search_script(search_paths),
        _shell("conf_files.sh"),
        _shell("candidates.sh"),
        _shell("pointers.sh"),
        _shell("credentials.sh"),
        _shell("hindrances.sh"),
        _shell("home.sh"),
    ]
    judging = {
        "judged": " ".join(
            f"{name}={kind}"
            for name, kind in sorted({**dict.fromkeys(declared, Sent.PLAIN), **SENT}.items())
        ),
        "declared": " ".join(declared.values()),
        "aliases": " ".join(f"{alias}={name}" for alias, name in ALIASES.items()),
    }
    return _texts(judging, texts)


def _shell(name: str) -> str:
    return (Path(__file__).with_name("shell") / name).read_text()


def _script(values: Mapping[str, str], texts: Iterable[str], steps: Iterable[str] = ()) -> Script:
    return _main(_texts(values, [*texts, "".join(f"{step}\n" for step in steps)]))


def _texts(values: Mapping[str, str], texts: Iterable[str]) -> str:
    """Values, then texts of shell."""
    known = {**values, "block_begin": BLOCK_BEGIN, "block_end": BLOCK_END}
    return "\n".join(["".join(map(_assignment, known, known.values())), *texts])


def _assignment(name: str, value: str) -> str:
    return f"{name}={shlex.quote(value)}\n"


def _main(text: str) -> Script:
    """A text within one function.

    A shell runs what it has read of its standard input: of a script that was cut short on its way
    it must not even run a part of a line. The children cannot read the script either.
    """
    return Script(f"main() {{\n{text}}}\n\n{{ main </dev/null; }}\n")


# The settings transaction: calls of the steps that shell/write.sh lists -------------------------


def write_script(
    plan: Plan, machine: Machine, owner: Owner, restarts: bool, unkept: Iterable[Unkept] = ()
) -> Script:
    """The script that makes a plan's edits as one transaction.

    + restarts: whether this machine's daemon has to be restarted to read what was written.
    """
    steps = [
        *(_call("keep_without", each.path, each.stamp, _ranges(each.ranges)) for each in unkept),
        *(_change(change, machine) for change in plan.edits),
        _call("check", _expected(plan), *_read(machine, owner)),
        *(["announce_restart"] if restarts else []),
        "keep_originals",
        "put_in_place",
        *([_restart(machine, owner)] if restarts else []),
    ]
    return _transaction(owner, steps)


def restart_script(machine: Machine, owner: Owner) -> Script:
    """The script that restarts the daemon and writes nothing else.

    Where the restart was due since a file was written, the daemon may not start with that; then the
    one before comes back.
    """
    return _transaction(owner, ["announce_restart", _restart(machine, owner)])


def undo_script(
    restores: Iterable[Restore], machine: Machine, owner: Owner, restarts: bool
) -> Script:
    """The script that gives back what was there before nixtrust, where that can be."""
    steps = [
        *(
            _call(
                "restore",
                each.path,
                machine.status[each.path].stamp,
                _deletion(each.block),
                _deletion(each.managed),
                _deletion(each.managed_before),
                _ranges(each.ranges),
                _ranges(each.ranges_before),
            )
            for each in restores
        ),
        _call("check", "", *_read(machine, owner)),
        *(["announce_restart"] if restarts else []),
        "put_in_place",
        *([_restart(machine, owner)] if restarts else []),
    ]
    return _transaction(owner, steps)


def mend_script(machine: Machine, owner: Owner, found: Collection[Finding]) -> Script:
    """The script that makes root's alone what is ours to mend."""
    folder = conf_folder(owner)
    of = {
        rule: {each.where for each in found if each.rule is rule and each.remedy is Remedy.MEND}
        for rule in (Rule.CHANGEABLE, Rule.CLOSED)
    }
    # In a folder that others could change any file may be theirs.
    ours = sorted({*mendable(machine, owner)} - {folder})
    anew = ours if folder in of[Rule.CHANGEABLE] else sorted(of[Rule.CHANGEABLE] - {folder})
    opened = sorted(of[Rule.CLOSED] - {folder})
    renewed = sorted(path for path in {*anew, *opened} if not path.endswith(ORIGINAL))
    steps = [
        *(["close_folder"] if folder in of[Rule.CHANGEABLE] else []),
        "lock_folder",
        *(["clear_folder"] if folder in of[Rule.CHANGEABLE] else []),
        *([_call("open_folder", *machine.files)] if folder in of[Rule.CLOSED] else []),
        *(_call("set_aside", path) for path in sorted(anew) if path.endswith(ORIGINAL)),
        *(_renewal(path, owner, path in anew) for path in renewed),
        *(_call("open_file", path) for path in opened),
    ]
    texts = map(_shell, ("common.sh", "masking.sh", "transaction.sh", "mend.sh"))
    seen = {"may_be_seen": " ".join(_may_be_seen())}
    return _script(seen, texts, [_call("begin_mending", folder), *steps, "finish_mending"])


def _may_be_seen() -> Iterator[str]:
    """The names in nix.conf whose values everybody may see."""
    names = (*SETTINGS, *ALIASES)
    return filter(may_be_seen, (*names, *(f"extra-{name}" for name in names)))


def _renewal(path: str, owner: Owner, is_changed: bool) -> str:
    """The step that makes a file anew; of what others could change no original is made."""
    step = "renew_without_original" if is_changed and path in owner.editable else "renew"
    return _call(step, path)


def remove_script(cuts: Iterable[Cut]) -> Script:
    """The script that takes credentials out of files, of each account's one after the other."""
    accounts = [(name, list(its)) for name, its in groupby(cuts, lambda cut: cut.account)]
    steps = [
        step
        for index, (account, its) in enumerate(accounts)
        for step in (
            _call("next_account", account, str(len(accounts) - index)),
            *_taking_out_of_folders(its),
        )
    ]
    names = ("common.sh", "masking.sh", "folder.sh", "transaction.sh", "remove.sh")
    return _script({}, map(_shell, names), ["begin_removing", *steps, "finish_removing"])


def _taking_out_of_folders(cuts: Iterable[Cut]) -> Iterator[str]:
    for folder, within in groupby(cuts, lambda cut: cut.folder):
        yield _call("in_folder", folder)
        yield from map(_taking_out, within)


def _taking_out(cut: Cut) -> str:
    return _call("take_out", cut.name, cut.stamp, cut.program, _ranges(cut.ranges))


def _transaction(owner: Owner, steps: list[str]) -> Script:
    begin = _call("begin", owner.root.rpartition("/")[0])
    names = (
        *("common.sh", "groups.sh", "masking.sh", "transaction.sh"),
        *("write.sh", "place.sh", "restart.sh"),
    )
    return _script({}, map(_shell, names), [begin, *steps, "finish"])


def _restart(machine: Machine, owner: Owner) -> str:
    """The step that restarts the daemon, with the group whose members build for it."""
    return _call("restart_daemon", builders_group(owner, machine))


def _call(step: str, *words: str) -> str:
    return " ".join([step, *map(shlex.quote, words)])


def _change(change: Edit, machine: Machine) -> str:
    status = machine.status.get(change.path)
    stamp = status.stamp if status else "absent"
    return _call("change", change.path, stamp, _deletion(change.remove), "\n".join(change.block))


def _ranges(ranges: Ranges) -> str:
    """Bytes, as the steps take them."""
    return " ".join(f"{start}:{end}" for start, end in ranges)


def _deletion(numbers: Iterable[int]) -> str:
    """A sed script that deletes these lines."""
    return ";".join(f"{number}d" for number in numbers)


def _read(machine: Machine, owner: Owner) -> Iterable[str]:
    """The files that make up the configuration which is written to.

    Not those whose names are not told: what such a one includes is tried as it is.
    """
    whose = machine.status[owner.root].whose if owner.root in machine.status else ""
    return [
        path
        for path, status in machine.status.items()
        if status.whose == whose
        and isinstance(machine.files[path], ConfFile)
        and not is_masked(path)
    ]


def _expected(plan: Plan) -> str:
    """What Nix must print, words sorted: lists and sets print in an order of their own.

    Only of settings whose printed form is known: of `max-jobs = auto` Nix prints a number, of
    `experimental-features` more than was written.
    Not of what is behind `flakes` where that is off, which some Nix do not print then.
    Not of what another folder's files keep as it is: the trial is of the one that is written to.
    """
    lines = []
    features = plan.after.tokens("experimental-features") or ()
    hides_flakes = plan.after.nix.hides_flake_settings and "flakes" not in features
    for setting in plan.wanted:
        tokens = plan.after.tokens(setting)
        is_known = setting in MANAGED or KINDS.get(setting) in ("bool", "int")
        if hides_flakes and setting in NEEDS_FLAKES:
            continue
        if is_known and tokens is not None and setting not in plan.defeated:
            words = meant(setting, tokens, plan.after.nix)
            lines.append(" ".join([setting, *sorted(set(words))]))
    return "\n".join(sorted(lines))
