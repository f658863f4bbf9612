"""A token that reaches its variable through another one is told, and never cut."""

import pytest

from tests.shell.recognised import AWKS, recognise
from tests.shell.test_recognise_mentions import WHY

T = "eyJhbGciOiJIUzI1NiJ9.bWFkZS11cA"

TOLD = {
    "sh": f"T={T}\nexport CACHIX_AUTH_TOKEN=$T\n",
    "sh, other way round": f'push() {{ CACHIX_AUTH_TOKEN="${{T}}" cachix; }}\nexport T="{T}"\n',
    "fish": f"set -l tok {T}\nset -gx CACHIX_AUTH_TOKEN $tok\n",
    "plain, csh": f"set t = {T}\nsetenv CACHIX_AUTH_TOKEN $t\n",
    "plain, nushell": f'$env.T = "{T}"\n$env.CACHIX_AUTH_TOKEN = $env.T\n',
    "assignments": f"T={T}\nCACHIX_AUTH_TOKEN=${{T}}\n",
    "sh, on a command line": f'T={T}\ncachix authtoken "$T"\n',
    "sh, piped": f'T={T}\necho "$T" | cachix authtoken --stdin\n',
    "sh, formatted": f"T={T}\nprintf '%s' \"$T\" | cachix authtoken\n",
    "sh, in a string": f'T={T}\ncachix authtoken --stdin <<< "$T"\n',
    "sh, an array": f'T=({T})\ncachix authtoken "${{T[0]}}"\n',
    "sh, read": f"read -r T <<< {T}\ncachix authtoken $T\n",
    "fish, on a command line": f"set T {T}\ncachix authtoken $T[1]\n",
    "fish, read": f"echo {T} | read -l t\nset -gx CACHIX_AUTH_TOKEN $t\n",
    "history": f"T={T}\ncachix authtoken $T\n",
    "history, a variable": f"T={T}\nls\nexport CACHIX_AUTH_TOKEN=$T\n",
    "unit": f"Environment=T={T}\nExecStart=/bin/sh -c 'CACHIX_AUTH_TOKEN=$T cachix push a'\n",
    "plain, PAM": f"T DEFAULT={T}\nCACHIX_AUTH_TOKEN DEFAULT=${{T}}\n",
    "plist": f"<plist><key>T</key><string>{T}</string>\n"
    "<string>CACHIX_AUTH_TOKEN=$T cachix push a</string>\n",
}
CLEAN = {
    "sh": f"OTHER={T}\nexport CACHIX_AUTH_TOKEN=$T\n",
    "sh, a comment": f"# T={T}\nexport CACHIX_AUTH_TOKEN=$T\n",
    "sh, a longer name": f"MY_T={T}\nexport CACHIX_AUTH_TOKEN=$T\n",
    "sh, a reference": "T=$(pass cachix)\nexport CACHIX_AUTH_TOKEN=$T\n",
    "fish": f"set -l other {T}\nset -gx CACHIX_AUTH_TOKEN $tok\n",
    "assignments": f"OTHER={T}\nCACHIX_AUTH_TOKEN=${{T}}\n",
    "history": f"OTHER={T}\ncachix authtoken $T\n",
    "unit": f"Environment=OTHER={T}\nExecStart=/bin/sh -c 'CACHIX_AUTH_TOKEN=$T cachix push'\n",
    "plain, PAM": f"OTHER DEFAULT={T}\nCACHIX_AUTH_TOKEN DEFAULT=${{T}}\n",
    "plist": f"<plist><key>OTHER</key><string>{T}</string>\n"
    "<string>CACHIX_AUTH_TOKEN=$T cachix push a</string>\n",
}


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("case", TOLD)
def test_it_is_told_where_it_stands(case: str, awk: str) -> None:
    syntax = case.partition(",")[0]
    [found] = recognise(syntax, TOLD[case].encode(), awk=awk)
    lines = TOLD[case].splitlines()
    assert T in lines[found.line - 1]
    assert (found.kind, found.hindrance) == ("auth-token", WHY.get(syntax, "compound"))


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("case", CLEAN)
def test_one_that_reaches_nothing_of_cachixs_is_clean(case: str, awk: str) -> None:
    assert recognise(case.partition(",")[0], CLEAN[case].encode(), awk=awk) == []
