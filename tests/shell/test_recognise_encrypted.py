"""Files in Cachix's folder that are encrypted hold no credential."""

import random

import pytest

from tests.shell.recognised import AWKS, recognise

TOKEN = "eyJhbGciOiJub25lIn0.bWFkZSB1cA.c2lnbmF0dXJl"
BASE64 = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBhQkNkRWZHaElqS2xNbk9wUX\n"
ARMOUR = f"-----BEGIN AGE ENCRYPTED FILE-----\n{BASE64 * 3}-----END AGE ENCRYPTED FILE-----\n"
PGP = f"-----BEGIN PGP MESSAGE-----\n\n{BASE64 * 3}=aBcD\n-----END PGP MESSAGE-----\n"
IN_ONE_LINE = ARMOUR.replace("\n", "\\n")
VALUE = "ENC[AES256_GCM,data:Tr7oQb1R,iv:1vWa0Jr9,tag:kEiyQ==,type:str]"
RECIPIENT = f"age1{'qyqszqgp' * 7}qa"
BYTES = random.Random(1)

ENCRYPTED = {
    "PGP, armoured": PGP.encode(),
    "age, armoured": ARMOUR.encode(),
    "age": f"age-encryption.org/v1\n-> X25519 {BASE64}--- {BASE64}".encode() + BYTES.randbytes(300),
    "OpenPGP for a key": b"\x85\x01\x0c\x03" + BYTES.randbytes(500),
    "OpenPGP with a passphrase": b"\x8c\x0d\x04\x09\x03\x02" + BYTES.randbytes(300),
    "JSON of sops": f"""{{
\t"data": "{VALUE}",
\t"sops": {{
\t\t"age": [
\t\t\t{{
\t\t\t\t"recipient": "{RECIPIENT}",
\t\t\t\t"enc": "{IN_ONE_LINE}"
\t\t\t}}
\t\t],
\t\t"lastmodified": "2026-01-01T00:00:00Z",
\t\t"mac": "{VALUE}",
\t\t"version": "3.8.1"
\t}}
}}
""".encode(),
    "YAML of sops": f"""\
token: {VALUE}
sops:
    age:
        - recipient: {RECIPIENT}
          enc: |
{"".join(f"            {line}" for line in ARMOUR.splitlines(keepends=True))}\
    lastmodified: "2026-01-01T00:00:00Z"
    mac: {VALUE}
    version: 3.8.1
""".encode(),
    "an environment of sops": f"""\
CACHIX_AGENT_TOKEN={VALUE}
sops_age__list_0__map_enc={IN_ONE_LINE}
sops_age__list_0__map_recipient={RECIPIENT}
sops_lastmodified=2026-01-01T00:00:00Z
sops_mac={VALUE}
sops_version=3.8.1
""".encode(),
}


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("syntax", ["token", "dhall"])
@pytest.mark.parametrize("name", ENCRYPTED)
def test_what_is_encrypted_is_clean(name: str, syntax: str, awk: str) -> None:
    assert recognise(syntax, ENCRYPTED[name], awk=awk) == []


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("before", [PGP, ARMOUR, "пароль", f"mac: {VALUE}\n"])
def test_a_token_beside_it_is_told(before: str, awk: str) -> None:
    [found] = recognise("token", f"# x\n{before}\n{TOKEN}\n".encode(), awk=awk)
    assert found.line == 3 + before.count("\n")
