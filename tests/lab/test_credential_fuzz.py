"""Hundreds of files such as people keep, looked at and relieved of their credentials by the very
scripts: nothing else changes in any of them, and no secret that is left is passed over in silence.

NIXTRUST_CREDENTIAL_CASES and NIXTRUST_CREDENTIAL_SEED ask for more files of each syntax, or others,
than CI's.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pytest

import lab
from nixtrust.judge_credentials import is_removable
from nixtrust.machine import Unread, read_answer
from nixtrust.outcome import Result
from nixtrust.removal import cuts, read_removed
from nixtrust.scripts import probe_script, remove_script
from nixtrust.stored import Credential, Hindrance
from tests.lab.credential_generator import SYNTAXES, Case, Plant, Role, cases

pytestmark = pytest.mark.lab

LAB = "credential-fuzz"

SEED = int(os.environ.get("NIXTRUST_CREDENTIAL_SEED", "20261122"))
CASES = int(os.environ.get("NIXTRUST_CREDENTIAL_CASES", "50"))
BATCH = 100
LIMIT = 300  # seconds for a script

# Its status is also that of a `!` which it reads but does not run.
ZSH = 'test -z "$(zsh -f -n 2>&1 <{})"'

# Where the files of a syntax lie, whose they are, and what shell reads them.
PLACES: Mapping[str, tuple[str, str, str]] = {
    "sh": ("/etc/profile.d/{}.sh", "root", "dash -n <{}"),
    "bash": ("/home/baleen/.bashrc.d/{}", "baleen", "bash -n <{}"),
    "zsh": ("/home/mia/.zshrc.d/{}", "mia", ZSH),
    "fish": ("/root/.config/fish/conf.d/{}.fish", "root", "fish --no-config -n <{}"),
    "netrc": ("/home/baleen/netrcs/{}", "baleen", ""),
    "history": ("/home/mia/.zsh_sessions/{}", "mia", ""),
    "dhall": ("/etc/cachix/{}.dhall", "root", ""),
}
MODES = (0o600, 0o644, 0o640, 0o400, 0o755)

FOLDERS = """
install -d /etc/cachix /root/.config/fish/conf.d
install -d -o baleen -g baleen /home/baleen/.bashrc.d /home/baleen/netrcs
install -d -o mia -g mia /home/mia/.zshrc.d /home/mia/.zsh_sessions
echo '!include netrcs.conf' >>/etc/nix/nix.conf
"""


@dataclass(frozen=True, slots=True)
class Laid:
    """A file as it lies on the machine, and what came of it.

    `found` and `left` are what the looks before and after the removal told of it; `accepted` is
    whether its shell took it before, and takes it now, of what holds a credential that could go.
    """

    case: Case
    path: str
    found: tuple[Credential, ...]
    left: tuple[Credential, ...]
    content: bytes | None = field(repr=False)
    accepted: tuple[bool, bool] | None

    def __str__(self) -> str:
        return f"seed {SEED}, {self.path}"


# Rounds -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def machine() -> lab.Machine:
    [machine] = lab.up([lab.MachineSpec(LAB, "trixie", "127.77.12.1", lab=LAB)])
    machine.run(FOLDERS).check_returncode()
    return machine


@pytest.fixture(scope="module")
def laid(machine: lab.Machine) -> Mapping[str, Sequence[Laid]]:
    """All files, by syntax, after as many rounds as they take."""
    files: dict[str, list[Laid]] = {syntax: [] for syntax in SYNTAXES}
    left = {syntax: cases(SEED, syntax, CASES) for syntax in SYNTAXES}
    for start in range(0, CASES, BATCH):
        batch = {
            PLACES[syntax][0].format(start + number): case
            for syntax in SYNTAXES
            for number, case in enumerate(islice(left[syntax], BATCH))
        }
        for each in in_a_round(machine, batch):
            files[each.case.syntax].append(each)
    return files


def in_a_round(machine: lab.Machine, batch: Mapping[str, Case]) -> Iterator[Laid]:
    """Lays these files, looks, removes, looks again; nothing is left to do then."""
    before = {path: lay(machine, path, case, n) for n, (path, case) in enumerate(batch.items())}
    netrcs = [path for path, case in batch.items() if case.syntax == "netrc"]
    conf = machine.root / "etc/nix/netrcs.conf"
    conf.write_text("".join(f"netrc-file = {path}\n" for path in netrcs))
    found = look(machine)
    remove(machine, [each for its in found.values() for each in its if is_removable(each)])
    left = look(machine)
    assert not any(is_removable(each) for its in left.values() for each in its)
    after = {path: there(machine, path) for path in batch}
    for path, file in after.items():
        assert not file.exists() or status(file) == before[path], path
    contents = {path: file.read_bytes() if file.exists() else None for path, file in after.items()}
    judged = {path for path, its in found.items() if any(could_go(each) for each in its)}
    accepted = taken(machine, {path: batch[path] for path in batch if path in judged})
    for path, case in batch.items():
        its = tuple(found.get(path, ())), tuple(left.get(path, ()))
        yield Laid(case, path, *its, contents[path], accepted.get(path))
    strangers = {*found, *left} - set(batch)
    assert not strangers
    for path in batch:
        assert {child.name for child in there(machine, path).parent.glob(".nixtrust*")} == set()
        there(machine, path).unlink(missing_ok=True)


def there(machine: lab.Machine, path: str) -> Path:
    return machine.root / path.lstrip("/")


def lay(machine: lab.Machine, path: str, case: Case, number: int) -> tuple[int, int, int]:
    file = there(machine, path)
    folder = file.parent.stat()
    file.write_bytes(case.content)
    # Root alone can give a file to a group that it is not in.
    os.chown(file, folder.st_uid, folder.st_gid or number % 3)
    file.chmod(MODES[number % len(MODES)])
    return status(file)


def status(file: Path) -> tuple[int, int, int]:
    stat = file.stat()
    return stat.st_mode, stat.st_uid, stat.st_gid


def look(machine: lab.Machine) -> Mapping[str, Sequence[Credential]]:
    """What the probe tells of each file."""
    answer = machine.run("exec sh -s", input=probe_script({}), timeout=LIMIT)
    assert answer.stderr == ""
    seen = read_answer(answer.stdout.splitlines())
    assert not isinstance(seen, Unread), seen.reason
    assert seen.unread_places == ()
    found: dict[str, list[Credential]] = {}
    for each in seen.credentials:
        found.setdefault(each.path, []).append(each)
    return found


def remove(machine: lab.Machine, credentials: Sequence[Credential]) -> None:
    script = remove_script(cuts(credentials))
    answer = machine.run("exec sh -s", input=script, timeout=LIMIT)
    assert answer.stderr == ""
    removed = read_removed(answer.stdout.splitlines())
    assert removed.result is Result.DONE
    assert not removed.troubles, removed.troubles[:3]
    assert {each.path for each in removed.files} == {each.path for each in credentials}


def could_go(credential: Credential) -> bool:
    """Nothing hinders it from going, or the shell alone that must take what is left."""
    return is_removable(credential) or credential.hindrance is Hindrance.REFUSED


def taken(machine: lab.Machine, batch: Mapping[str, Case]) -> Mapping[str, tuple[bool, bool]]:
    """Whether the shell of each start-up file took it as it was, and takes it as it lies there."""
    shells = {path: PLACES[case.syntax][2] for path, case in batch.items()}
    read = [path for path, shell in shells.items() if shell]
    for number, path in enumerate(read):
        there(machine, f"/root/before-{number}").write_bytes(batch[path].content)
    script = "".join(
        f"{shells[path].format(file)} >/dev/null 2>&1; echo $?\n"
        for number, path in enumerate(read)
        for file in (f"/root/before-{number}", path)
    )
    said = [status == "0" for status in machine.run(script, timeout=LIMIT).stdout.split()]
    return dict(zip(read, zip(said[::2], said[1::2], strict=True), strict=True))


# What came of it --------------------------------------------------------------------------------


def gone(file: Laid) -> list[tuple[int, int]]:
    """The bytes of which the first look told that they may go, the last ones first."""
    its = ((each.start, each.end) for each in file.found if is_removable(each))
    return sorted(its, reverse=True)


def kept(file: Laid) -> Iterator[tuple[Plant, range]]:
    """The secrets that lie there still and are to be told, and the lines they are in now."""
    for each in file.case.plants:
        above = sum(
            file.case.content.count(b"\n", start, end)
            for start, end in gone(file)
            if end <= each.start
        )
        is_gone = any(start <= each.start and each.end <= end for start, end in gone(file))
        is_known = "CR" not in file.case.traits or each.role is Role.WHOLE
        if each.is_to_be_told and is_known and not is_gone:
            yield each, range(each.first - above, each.last - above + 1)


@pytest.fixture(params=[syntax for syntax in SYNTAXES if syntax != "dhall"])
def files(request: pytest.FixtureRequest, laid: Mapping[str, Sequence[Laid]]) -> Sequence[Laid]:
    return laid[request.param]


def test_only_what_was_told_goes_and_every_other_byte_stays(files: Sequence[Laid]) -> None:
    for file in files:
        left = file.case.content
        for start, end in gone(file):
            left = left[:start] + left[end:]
        assert file.content == left, str(file)


def test_what_goes_is_a_credential_alone(files: Sequence[Laid]) -> None:
    wrong = [
        f"{file}: bytes {start} to {end}"
        for file in files
        for start, end in gone(file)
        if not is_plant(file.case, start, end)
    ]
    assert wrong == []


def is_plant(case: Case, start: int, end: int) -> bool:
    """Whether these bytes are all of a plant; of a damaged file a line, without another plant."""
    end = min(end, len(case.content))
    if "damaged" not in case.traits:
        return any(
            (each.start, each.end) == (start, end) and each.role is Role.WHOLE
            for each in case.plants
        )
    others = (each for each in case.plants if each.role is not Role.WHOLE)
    is_line = (
        case.content.rfind(b"\n", 0, start) == start - 1
        and b"\n" not in case.content[start : end - 1]
    )
    return (is_line or case.syntax == "netrc") and not any(
        start < each.end and each.start < end for each in others
    )


def test_all_goes_that_nothing_hinders(files: Sequence[Laid]) -> None:
    wrong = [
        f"{file}: line {each.first}"
        for file in files
        for each, _ in kept(file)
        if each.role is Role.WHOLE and each.free and file.accepted != (False, False)
    ]
    assert wrong == []


def test_what_is_left_is_told_with_its_line(files: Sequence[Laid]) -> None:
    wrong = [
        f"{file}: line {lines[0]}"
        for file in files
        if "damaged" not in file.case.traits
        for _, lines in kept(file)
        if not any(told.line in lines for told in file.left)
    ]
    assert wrong == []


def test_no_file_with_a_secret_passes_for_a_clean_one(files: Sequence[Laid]) -> None:
    assert [str(file) for file in files if any(kept(file)) and not file.left] == []


def test_nothing_is_told_where_nothing_is_planted(files: Sequence[Laid]) -> None:
    wrong = [
        f"{file}: line {told.line}"
        for file in files
        if not file.case.traits & {"damaged", "CR"}
        for told in file.found
        if not any(
            told.line in range(each.first, each.last + 1)
            and (each.is_to_be_told or "CRLF" in file.case.traits)
            for each in file.case.plants
        )
    ]
    assert wrong == []


def test_a_shell_that_took_a_file_still_takes_it(files: Sequence[Laid]) -> None:
    assert [str(file) for file in files if file.accepted == (True, False)] == []


def test_no_secret_that_went_is_in_its_file_any_more(files: Sequence[Laid]) -> None:
    for file in files:
        left = {each for each, _ in kept(file)}
        wrong = [
            each.first
            for each in file.case.plants
            if each.role is Role.WHOLE and each not in left
            if each.secret.encode() in (file.content or b"")
        ]
        assert wrong == [], str(file)


def test_a_damaged_file_with_a_secret_behind_its_name_passes_for_no_clean_one(
    laid: Mapping[str, Sequence[Laid]],
) -> None:
    wrong = [
        str(file)
        for its in laid.values()
        for file in its
        if file.case.intact and not file.left
        if any(secret.encode() in (file.content or b"") for secret in file.case.intact)
    ]
    assert wrong == []


def test_of_cachix_files_those_that_hold_a_secret_go_and_others_stay(
    laid: Mapping[str, Sequence[Laid]],
) -> None:
    wrong = [
        str(file)
        for file in laid["dhall"]
        if not file.case.traits & {"imports", "damaged", "unclear"}
        if file.left or file.content != (None if holds_one(file) else file.case.content)
        if holds_one(file) or not any(each.is_to_be_told for each in file.case.plants)
    ]
    assert wrong == []


def holds_one(file: Laid) -> bool:
    """Outside of its comments."""
    return any(each.role is not Role.COMMENT for each in file.case.plants)


def test_cachix_files_with_a_secret_in_a_comment_alone_stay_and_are_told(
    laid: Mapping[str, Sequence[Laid]],
) -> None:
    told = [
        file
        for file in laid["dhall"]
        if not file.case.traits & {"imports", "damaged", "unclear"} and not holds_one(file)
        if any(each.is_to_be_told for each in file.case.plants)
    ]
    assert told
    assert [str(file) for file in told if file.content != file.case.content] == []
    wrong = [
        str(file) for file in told if {each.hindrance for each in file.left} != {Hindrance.COMMENT}
    ]
    assert wrong == []


def test_cachix_files_that_are_unclear_stay_as_they_are_and_are_told(
    laid: Mapping[str, Sequence[Laid]],
) -> None:
    unclear = [
        file
        for file in laid["dhall"]
        if "unclear" in file.case.traits and not file.case.traits & {"imports", "damaged"}
    ]
    assert unclear
    assert [str(file) for file in unclear if file.content != file.case.content] == []
    wrong = [
        str(file)
        for file in unclear
        if {each.hindrance for each in file.left} != {Hindrance.UNCLEAR}
    ]
    assert wrong == []


def test_cachix_files_that_import_stay_as_they_are_and_are_told(
    laid: Mapping[str, Sequence[Laid]],
) -> None:
    importing = [file for file in laid["dhall"] if "imports" in file.case.traits]
    whole = [file for file in importing if "damaged" not in file.case.traits]
    assert [str(file) for file in whole if file.content != file.case.content] == []
    wrong = [
        str(file) for file in whole if {each.hindrance for each in file.left} != {Hindrance.IMPORT}
    ]
    assert wrong == []


def test_a_damaged_cachix_file_is_whole_or_gone(laid: Mapping[str, Sequence[Laid]]) -> None:
    wrong = [str(file) for file in laid["dhall"] if file.content not in (None, file.case.content)]
    assert wrong == []


def test_the_files_are_as_nasty_as_promised(laid: Mapping[str, Sequence[Laid]]) -> None:
    all_files = [file for its in laid.values() for file in its]
    counted = Counter(trait for file in all_files for trait in traits(file))
    print(counted)
    wanted = {
        "something removed": 0.3,
        "something hindered": 0.1,
        "nothing told": 0.1,
        "CRLF": 0.05,
        "CR": 0.01,
        "no final newline": 0.1,
        "damaged": 0.1,
        "bytes beyond ASCII": 0.1,
        "a secret in a comment": 0.1,
        "several variables": 0.1,
        "a secret behind its name in a damaged file": 0.03,
        "imports": 0.01,
    }
    scarce = {trait for trait, share in wanted.items() if counted[trait] < share * len(all_files)}
    assert not scarce, f"of {len(all_files)}: {counted}"
    judged = [file.accepted for file in all_files if file.accepted]
    assert judged.count((True, True)) > 0.8 * len(judged)


def traits(file: Laid) -> set[str]:
    roles = Counter(each.role for each in file.case.plants)
    found = {
        "something removed": file.content != file.case.content,
        "something hindered": bool(file.left),
        "nothing told": not file.found,
        "bytes beyond ASCII": not file.case.content.isascii(),
        "a secret in a comment": roles[Role.COMMENT] > 0,
        "several variables": roles[Role.WHOLE] + roles[Role.PART] > 1,
        "a secret behind its name in a damaged file": bool(file.case.intact),
    }
    return {name for name, has in found.items() if has} | file.case.traits
