"""What stands for a credential and holds none, in each syntax that sets a variable."""

import pytest

from tests.shell.recognised import AWKS, recognise

FORMS = {
    "sh": 'export CACHIX_AUTH_TOKEN="{}"\n',
    "fish": "set -gx CACHIX_AUTH_TOKEN '{}'\n",
    "fish-variables": "SETUVAR --export CACHIX_AUTH_TOKEN:{}\n",
    "plain, csh": "setenv CACHIX_AUTH_TOKEN '{}'\n",
    "plain, nushell": '$env.CACHIX_AUTH_TOKEN = "{}"\n',
    "assignments": "CACHIX_AUTH_TOKEN='{}'\n",
    "plain, PAM": 'CACHIX_AUTH_TOKEN DEFAULT="{}"\n',
    "unit": 'Environment="CACHIX_AUTH_TOKEN={}"\n',
    "plist": "<key>CACHIX_AUTH_TOKEN</key><string>{}</string>\n",
    "history": "export CACHIX_AUTH_TOKEN='{}'\n",
    "token": "CACHIX_AUTH_TOKEN='{}'\n",
}
REFERENCES = {
    "1Password": "op://vault/cachix/token",
    "bank-vaults": "vault:secret/data/cachix#token",
    "a template": "{{ .cachix.token }}",
    "a template of Ruby's or npm's": "<%= token %>",
    "a place to fill in": "<your token>",
    "what Autoconf fills in": "@CACHIX_AUTH_TOKEN@",
    "what cmd.exe expands": "%CACHIX_AUTH_TOKEN%",
    # https://github.com/getsops/sops, https://dotenvx.com/docs: values, encrypted.
    "sops": "ENC[AES256_GCM,data:Tr7oQb1R,iv:1vWa0Jr9,tag:kEiyQ==,type:str]",
    "dotenvx": "encrypted:" + "BDqDBibm4wsYqMpCjTQ6BsDHmMadg9K3dAt+Z9HPMfLEIRVz" * 3,
}
LITERALS = {
    "less than": "a<b>",
    "encrypted, and more": "encrypted:abc-def",
    "a literal behind": "ENC[abc]abcdef",
}


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("syntax", FORMS)
def test_a_reference_is_no_credential(syntax: str, awk: str) -> None:
    for name, value in REFERENCES.items():
        content = FORMS[syntax].format(value).encode()
        assert recognise(syntax.partition(",")[0], content, awk=awk) == [], name


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("syntax", FORMS)
def test_what_only_resembles_a_reference_is_a_credential(syntax: str, awk: str) -> None:
    for name, value in LITERALS.items():
        content = FORMS[syntax].format(value).encode()
        assert len(recognise(syntax.partition(",")[0], content, awk=awk)) == 1, name
