"""Lines that name a variable or a command of Cachix and hold no secret: prose, searches, guards."""

import pytest

from tests.shell.recognised import AWKS, recognise

# One line a case.
NOTHING = {
    "history": r"""
grep -rn CACHIX_AUTH_TOKEN .
rg 'CACHIX_AUTH_TOKEN=' ~
grep CACHIX_AUTH_TOKEN= ~/.bashrc
grep -r "CACHIX_AUTH_TOKEN: " .github
grep "cachix authtoken" README.md
grep -r authtoken cachix
sed -i '/CACHIX_AUTH_TOKEN=/d' ~/.bashrc
sed -i 's/CACHIX_AUTH_TOKEN=.*/CACHIX_AUTH_TOKEN=/' .env
sed -n 's/^CACHIX_AUTH_TOKEN=//p' .env
git commit -m "rename CACHIX_AUTH_TOKEN"
git commit -m "CACHIX_AUTH_TOKEN: rename it"
git commit -m "ci: set CACHIX_AUTH_TOKEN to the new secret"
git commit -m "document cachix authtoken usage"
git commit -m "use cachix authtoken instead of the variable"
git log -S CACHIX_AUTH_TOKEN=foo
gh secret set CACHIX_AUTH_TOKEN
gh secret set CACHIX_AUTH_TOKEN -R baleen/nix
gh secret set CACHIX_AUTH_TOKEN --repo baleen/nix
gh secret set CACHIX_AUTH_TOKEN --org baleen
gh secret set CACHIX_AUTH_TOKEN < token.txt
gh secret set CACHIX_AUTH_TOKEN --body "$TOKEN"
gh secret list | grep CACHIX_AUTH_TOKEN
man cachix authtoken
rg "cachix authtoken abc"
echo "CACHIX_AUTH_TOKEN: not set"
echo "CACHIX_AUTH_TOKEN=$CACHIX_AUTH_TOKEN"
echo "please set CACHIX_AUTH_TOKEN first"
echo "then run cachix authtoken with it"
echo "CACHIX_AUTH_TOKEN is set to something"
printenv CACHIX_AUTH_TOKEN
printenv | grep CACHIX_AUTH_TOKEN=
env | grep ^CACHIX_AUTH_TOKEN
awk -F= '/CACHIX_AUTH_TOKEN/ {print $2}' .env
[ "$CACHIX_AUTH_TOKEN" = "" ] && echo none
export CACHIX_AUTH_TOKEN="${CACHIX_AUTH_TOKEN:-not set}"
: "${CACHIX_AUTH_TOKEN:?please set it}"
export CACHIX_AUTH_TOKEN=$(pass show cachix || echo none)
export CACHIX_AUTH_TOKEN_FILE=/run/secrets/x
export CACHIX_AUTH_TOKEN=/run/secrets/x
export CACHIX_AUTH_TOKEN=$(cat /run/secrets/x)
export CACHIX_AUTH_TOKEN=your-token-here
cachix authtoken YOUR_TOKEN
cachix authtoken <token>
vim authtoken
docker run -e CACHIX_AUTH_TOKEN image
unset CACHIX_AUTH_TOKEN; cachix authtoken --help
kubectl create secret generic a --from-literal=CACHIX_AUTH_TOKEN=$T
test -n "$CACHIX_AUTH_TOKEN" || echo "CACHIX_AUTH_TOKEN: missing"
nix-env -iA cachix && cachix authtoken
ag 'CACHIX_AUTH_TOKEN = ' .
git grep CACHIX_SIGNING_KEY= v1
""",
    "sh": r"""
echo "CACHIX_AUTH_TOKEN: not set"
echo "CACHIX_AUTH_TOKEN=$CACHIX_AUTH_TOKEN"
echo "set CACHIX_AUTH_TOKEN=your token"
echo "${CACHIX_AUTH_TOKEN:-not set}"
export X="${CACHIX_AUTH_TOKEN:-not set}"
export CACHIX_AUTH_TOKEN="${CACHIX_AUTH_TOKEN:-not set}"
: "${CACHIX_AUTH_TOKEN:?please set}"
: "${CACHIX_AUTH_TOKEN?please set}"
awk -F= '/CACHIX_AUTH_TOKEN/ {print $2}' .env
awk -F= '/CACHIX_AUTH_TOKEN=/ {print $2}' .env
export CACHIX_AUTH_TOKEN=$(awk -F= '/CACHIX_AUTH_TOKEN/ {print $2}' .env)
export CACHIX_AUTH_TOKEN="$(sed -n 's/^CACHIX_AUTH_TOKEN=//p' ~/.env)"
export CACHIX_AUTH_TOKEN="$(grep CACHIX_AUTH_TOKEN= ~/.env | cut -d= -f2)"
export CACHIX_AUTH_TOKEN=$(pass show cachix || echo none)
export CACHIX_AUTH_TOKEN=$(pass show cachix || echo "not there")
[ "$CACHIX_AUTH_TOKEN" = "" ] && echo none
[ "$CACHIX_AUTH_TOKEN" = "" ]
if [ -z "$CACHIX_AUTH_TOKEN" ]; then echo "no CACHIX_AUTH_TOKEN"; fi
[[ "$CACHIX_AUTH_TOKEN" == "" ]]
export CACHIX_AUTH_TOKEN=/run/secrets/x
export CACHIX_AUTH_TOKEN=~/.secrets/x
export CACHIX_AUTH_TOKEN="/run/secrets/cachix token"
export CACHIX_AUTH_TOKEN=$HOME/.secrets/x
export CACHIX_AUTH_TOKEN_FILE=/run/secrets/x
export CACHIX_AUTH_TOKEN=changeme
export CACHIX_AUTH_TOKEN="YOUR_TOKEN_HERE"
alias ct='cachix authtoken --stdin'
echo "run cachix authtoken to log in"
echo 'cachix authtoken <token>'
grep -q "CACHIX_AUTH_TOKEN=" ~/.env
unset CACHIX_AUTH_TOKEN
echo "usage: cachix authtoken TOKEN"
""",
    "fish": r"""
echo "CACHIX_AUTH_TOKEN: not set"
set -q CACHIX_AUTH_TOKEN; or echo "CACHIX_AUTH_TOKEN: missing"
set -q CACHIX_AUTH_TOKEN; or set -gx CACHIX_AUTH_TOKEN (pass show cachix; or echo none)
test "$CACHIX_AUTH_TOKEN" = ""; and echo none
test -z "$CACHIX_AUTH_TOKEN"
awk -F= '/CACHIX_AUTH_TOKEN/ {print $2}' .env
set -gx CACHIX_AUTH_TOKEN (awk -F= '/CACHIX_AUTH_TOKEN=/ {print $2}' .env)
set -gx CACHIX_AUTH_TOKEN (sed -n 's/^CACHIX_AUTH_TOKEN=//p' ~/.env)
set -gx CACHIX_AUTH_TOKEN (cat /run/secrets/x)
set -gx CACHIX_AUTH_TOKEN /run/secrets/x
set -gx CACHIX_AUTH_TOKEN ~/.secrets/x
set -gx CACHIX_AUTH_TOKEN $HOME/.secrets/x
set -gx CACHIX_AUTH_TOKEN changeme
set -gx CACHIX_AUTH_TOKEN_FILE /run/secrets/x
grep -q "CACHIX_AUTH_TOKEN=" ~/.env
echo "please set CACHIX_AUTH_TOKEN first"
echo "set CACHIX_AUTH_TOKEN to your token"
echo "run cachix authtoken to log in"
string match -q "CACHIX_AUTH_TOKEN=*" $line
""",
    "plain, csh": r"""
echo "CACHIX_AUTH_TOKEN: not set"
if ( "$CACHIX_AUTH_TOKEN" == "" ) echo none
if ( $?CACHIX_AUTH_TOKEN == 0 ) echo "CACHIX_AUTH_TOKEN: missing"
setenv CACHIX_AUTH_TOKEN `pass show cachix || echo none`
setenv CACHIX_AUTH_TOKEN `awk -F= '/CACHIX_AUTH_TOKEN=/ {print $2}' .env`
setenv CACHIX_AUTH_TOKEN `cat /run/secrets/x`
setenv CACHIX_AUTH_TOKEN /run/secrets/x
setenv CACHIX_AUTH_TOKEN ~/.secrets/x
setenv CACHIX_AUTH_TOKEN $HOME/.secrets/x
setenv CACHIX_AUTH_TOKEN changeme
grep -q "CACHIX_AUTH_TOKEN=" ~/.env
echo "please set CACHIX_AUTH_TOKEN first"
echo "run cachix authtoken to log in"
""",
    "plain, nushell": r"""
print "CACHIX_AUTH_TOKEN: not set"
if ($env.CACHIX_AUTH_TOKEN? == null) { print "CACHIX_AUTH_TOKEN: missing" }
if $env.CACHIX_AUTH_TOKEN == "" { print none }
$env.CACHIX_AUTH_TOKEN = ($env.CACHIX_AUTH_TOKEN? | default "not set")
$env.CACHIX_AUTH_TOKEN = (open /run/secrets/x)
$env.CACHIX_AUTH_TOKEN = (open /run/secrets/x | str trim)
$env.CACHIX_AUTH_TOKEN = (open "/run/secrets/x")
$env.CACHIX_AUTH_TOKEN = "/run/secrets/x"
$env.CACHIX_AUTH_TOKEN = "changeme"
print "run cachix authtoken to log in"
$env.CACHIX_AUTH_TOKEN = (^awk -F= '/CACHIX_AUTH_TOKEN=/ {print $2}' .env)
""",
    "assignments": r"""
CACHIX_AUTH_TOKEN=your-token-here
CACHIX_AUTH_TOKEN=changeme
CACHIX_AUTH_TOKEN=change_me
CACHIX_AUTH_TOKEN=xxx
CACHIX_AUTH_TOKEN=XXXXXXXXXXXX
CACHIX_AUTH_TOKEN=xxxx-xxxx
CACHIX_AUTH_TOKEN=<token>
CACHIX_AUTH_TOKEN="<your cachix token>"
CACHIX_AUTH_TOKEN=REPLACE_ME
CACHIX_AUTH_TOKEN=TODO
CACHIX_AUTH_TOKEN="TODO: ask mia"
CACHIX_AUTH_TOKEN=...
CACHIX_AUTH_TOKEN=***
CACHIX_AUTH_TOKEN=none
CACHIX_AUTH_TOKEN=null
CACHIX_AUTH_TOKEN=your_cachix_auth_token
CACHIX_AUTH_TOKEN='your token'
CACHIX_AUTH_TOKEN=/run/secrets/x
CACHIX_AUTH_TOKEN="/run/secrets/x"
CACHIX_AUTH_TOKEN=$HOME/.secret
CACHIX_AUTH_TOKEN=${HOME}/.secret
CACHIX_AUTH_TOKEN=~/.secret
CACHIX_AUTH_TOKEN=${CACHIX_AUTH_TOKEN:-not set}
CACHIX_AUTH_TOKEN=${CACHIX_AUTH_TOKEN:?please set}
CACHIX_AUTH_TOKEN_FILE=/run/x
CACHIX_AUTH_TOKEN=eyJ...
CACHIX_AUTH_TOKEN=ey...
CACHIX_AUTH_TOKEN=[your token]
CACHIX_AUTH_TOKEN=${your-token}
CACHIX_AUTH_TOKEN=example
CACHIX_AUTH_TOKEN=paste-your-token-here
CACHIX_AUTH_TOKEN=secret
""",
    "unit": r"""
Environment=CACHIX_AUTH_TOKEN=/run/secrets/x
Environment="CACHIX_AUTH_TOKEN=%d/token"
Environment=CACHIX_AUTH_TOKEN=%h/.token
Environment=CACHIX_AUTH_TOKEN=changeme
ExecStart=/bin/sh -c 'export CACHIX_AUTH_TOKEN=$(cat /run/secrets/x || echo none); exec cachix push'
Description=set CACHIX_AUTH_TOKEN: in the file
ExecStart=/bin/sh -c 'echo "CACHIX_AUTH_TOKEN: not set"'
SetCredential=cachix-token:changeme
LoadCredential=cachix-token:/run/x
""",
    "plain, PAM": r"""
CACHIX_AUTH_TOKEN DEFAULT=/run/secrets/x
CACHIX_AUTH_TOKEN DEFAULT=changeme
CACHIX_AUTH_TOKEN DEFAULT=@{HOME}/.x
""",
    "plist": r"""
<plist><key>CACHIX_AUTH_TOKEN</key><string>/run/secrets/x</string>
<plist><string>echo &quot;CACHIX_AUTH_TOKEN: not set&quot;</string>
<plist><key>CACHIX_AUTH_TOKEN</key><string>changeme</string>
""",
    "token": r"""
CACHIX_AGENT_TOKEN=/run/secrets/x
CACHIX_AGENT_TOKEN=your-token-here
your-agent-token-here
/run/agenix/cachix-agent
CACHIX_AGENT_TOKEN=~/.x
""",
    "fish-variables": r"""
SETUVAR --export CACHIX_AUTH_TOKEN:/run/secrets/x
SETUVAR --export CACHIX_AUTH_TOKEN:changeme
SETUVAR _fish_abbr_a:grep\x20CACHIX_AUTH_TOKEN\x3d\x20x
SETUVAR _fish_abbr_a:echo\x20\x22CACHIX_AUTH_TOKEN\x3a\x20not\x20set\x22
""",
}
# What resembles those, and may be a secret all the same.
SECRET = {
    "history": r"""
gh secret set CACHIX_AUTH_TOKEN --body abc
gh secret set CACHIX_AUTH_TOKEN -b abc
echo CACHIX_AUTH_TOKEN=abc >> .env
git commit -m "use CACHIX_AUTH_TOKEN=eyJhbGciOiJIUzI1NiJ9.bWFkZS11cA"
git status; export CACHIX_AUTH_TOKEN=abc
CACHIX_AUTH_TOKEN=abc git push
export CACHIX_AUTH_TOKEN=${CACHIX_AUTH_TOKEN:-abc}
export CACHIX_AUTH_TOKEN=$(pass show cachix || echo abc)
""",
    "sh": r"""
export CACHIX_AUTH_TOKEN=$(pass show cachix || echo abc)
export CACHIX_AUTH_TOKEN=correct-horse
export CACHIX_AUTH_TOKEN=your-token-1
export CACHIX_AUTH_TOKEN=a/b/c
export CACHIX_SIGNING_KEY=/ab+c==
echo "${CACHIX_AUTH_TOKEN:-abc}"
""",
    "fish": r"""
set -gx CACHIX_AUTH_TOKEN (pass show cachix; or echo abc)
set -gx CACHIX_SIGNING_KEY /ab+c==
set -gx CACHIX_AUTH_TOKEN correct-horse
""",
    "plain, csh": r"""
setenv CACHIX_AUTH_TOKEN `pass show cachix || echo abc`
setenv CACHIX_SIGNING_KEY /ab+c==
""",
    "plain, nushell": r"""
$env.CACHIX_AUTH_TOKEN = ($env.CACHIX_AUTH_TOKEN? | default "abc")
$env.CACHIX_SIGNING_KEY = "/ab+c=="
""",
    "assignments": r"""
CACHIX_AUTH_TOKEN=eyJhbGciOiJIUzI1NiJ9.bWFkZS11cA
CACHIX_AUTH_TOKEN=correct-horse
CACHIX_AUTH_TOKEN=xx
CACHIX_SIGNING_KEY=/ab+c==
CACHIX_AUTH_TOKEN=${A:-abc}
""",
    "unit": r"""
Environment=CACHIX_SIGNING_KEY=/ab+c==
""",
    "plain, PAM": r"""
CACHIX_SIGNING_KEY DEFAULT=/ab+c==
""",
}


def told(syntax: str, lines: str, awk: str) -> list[str]:
    """Which of the lines hold a credential."""
    found = {each.line for each in recognise(syntax.partition(",")[0], lines.encode(), awk=awk)}
    return [line for number, line in enumerate(lines.split("\n"), 1) if number in found]


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("syntax", NOTHING)
def test_what_only_mentions_a_credential_is_none(syntax: str, awk: str) -> None:
    assert told(syntax, NOTHING[syntax], awk) == []


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("syntax", SECRET)
def test_what_only_resembles_a_mention_is_told(syntax: str, awk: str) -> None:
    assert told(syntax, SECRET[syntax], awk) == SECRET[syntax].strip().split("\n")


def test_where_a_command_was_typed_is_no_part_of_it() -> None:
    content = (
        b"SQLite format 3\x00\n"
        b"\x07cachix authtoken /home/mia\x00\n"
        b"\x07cachix authtoken/home/mia\x00\n"
        b"\x07cachix authtoken $TOKEN/home/mia\x00\n"
        b"\x07export CACHIX_AUTH_TOKEN=/home/mia\x00\n"
        b"\x07agrep CACHIX_AUTH_TOKEN= x/home/mia\x00\n"
    )
    assert recognise("history", content) == []
