"""What macOS keeps of a file besides mode and owner stays when a line of it goes.

No Mac can be run here: small scripts answer as its ls, xattr and chmod do, and keep what they are
given apart from the file, by its number.
"""

import sys
from pathlib import Path

import pytest

from nixtrust.outcome import Result
from tests.shell.removing import fronted, kept_as, one, removal, run, the_line

# Where that is of FILE: its attributes are files, its access control list is `acl`.
OF = 'of() { echo "$(dirname "$0")/of/$(stat -c %i "$1")"; }'
STAND_INS = {
    "cp": "echo 'cp: illegal option -- -' >&2; exit 64",
    "ls": f"""
case $1 in -lde | -lde@) ;; *) exec /bin/ls "$@" ;; esac
{OF}
/bin/ls -ld "$2"
if [ "$1" = -lde@ ]; then
  for each in "$(of "$2")"/*.*; do
    [ ! -e "$each" ] || printf '\\t%s\\t%6d \\n' "${{each##*/}}" "$(wc -c <"$each")"
  done
fi
[ ! -e "$(of "$2")/acl" ] || awk '{{ print " " NR - 1 ": " $0 }}' "$(of "$2")/acl" """,
    "xattr": f"""
{OF}
case $1 in
  -px) od -An -v -tx1 "$(of "$3")/$2" | tr a-f A-F ;;
  -wx)
    [ "$2" != com.apple.rootless ] || exit 1
    mkdir -p "$(of "$4")"
    {sys.executable} -c 'import sys; open(sys.argv[1], "wb").write(bytes.fromhex(sys.argv[2]))' \\
      "$(of "$4")/$2" "$3" ;;
  *) for each in "$(of "$1")"/*.*; do [ ! -e "$each" ] || echo "${{each##*/}}"; done ;;
esac""",
    "chmod": f"""
{OF}
case $1 in
  -E)
    given=$(cat)
    case $given in *[0-9]:*) echo 'chmod: Invalid entry format' >&2; exit 1 ;; esac
    mkdir -p "$(of "$2")"
    printf '%s\\n' "$given" >"$(of "$2")/acl" ;;
  -N) rm -f "$(of "$2")/acl" ;;
  *) exec /bin/chmod "$@" ;;
esac""",
}
# What a new file has from its folder, or from the system, by when cp is asked about it.
MAKING = f"""
{OF}
mkdir -p "$(of "$4")"
printf '1234567' >"$(of "$4")/com.apple.provenance"
[ ! -e "$(dirname "$0")/inherited" ] || /bin/cp "$(dirname "$0")/inherited" "$(of "$4")/acl"
{STAND_INS["cp"]}"""


@pytest.fixture
def front(tmp_path: Path) -> str:
    return fronted(tmp_path / "front", **{**STAND_INS, "cp": MAKING})


def of(tmp_path: Path, file: Path) -> Path:
    folder = tmp_path / "front/of" / str(file.stat().st_ino)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def kept(tmp_path: Path, file: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in of(tmp_path, file).iterdir()}


ACL = b"user:mia allow read,write\ngroup:everyone deny delete\n"
ATTRIBUTES = {
    "com.apple.metadata:kMDItemWhereFroms": bytes(range(256)),
    "com.apple.FinderInfo": b"\0" * 32,
    "mine.empty": b"",
}


@pytest.mark.parametrize("acl", [ACL, b""])
@pytest.mark.parametrize("attributes", [ATTRIBUTES, {}], ids=["attributes", "none"])
@pytest.mark.parametrize("inherited", [b"user:jito inherited allow read\n", b""])
def test_the_list_and_the_attributes_stay_and_none_is_added(
    acl: bytes,
    attributes: dict[str, bytes],
    inherited: bytes,
    rc: Path,
    lock: Path,
    tmp_path: Path,
    front: str,
) -> None:
    its = of(tmp_path, rc)
    for name, value in attributes.items():
        (its / name).write_bytes(value)
    if acl:
        (its / "acl").write_bytes(acl)
    if inherited:
        (tmp_path / "front/inherited").write_bytes(inherited)
    before = kept(tmp_path, rc)
    number = rc.stat().st_ino
    end = one(run(lock, removal(rc, the_line(rc)), first=front))
    assert (end.result, end.words) == (Result.DONE, "")
    assert rc.stat().st_ino != number
    after = kept(tmp_path, rc)
    assert after.pop("com.apple.provenance") == b"1234567"
    assert after == before
    kept_as("alias a=b\nalias c=d\n", rc)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("com.apple.rootless", b"x", "its further attributes cannot be kept"),
        ("acl", b"0:what chmod does not take\n", "its access control list cannot be kept"),
    ],
)
def test_where_one_cannot_be_kept_nothing_is_removed(
    name: str, value: bytes, said: str, rc: Path, lock: Path, tmp_path: Path, front: str
) -> None:
    (of(tmp_path, rc) / name).write_bytes(value)
    text = rc.read_text()
    end = one(run(lock, removal(rc, the_line(rc)), first=front))
    assert (end.result, end.words) == (Result.FAILED, said)
    kept_as(text, rc)
