"""What a machine gets, top to bottom.

pyinfra inventory/team.py deploy.py --dry --diff   shows what would change
pyinfra inventory/team.py deploy.py                changes it
"""

from pyinfra import host

from nixtrust.policy import policy_of
from operations import cachix, machine, nix

cachix.no_credentials(
    name="No Cachix credential is stored",
    policy=policy_of(host.data.dict()),
    system=host.data.system,
    # What could not be taken out fails the machine at the end.
    _ignore_errors=True,
)

nix.root_alone(
    name="Root alone can change nix.conf",
    policy=policy_of(host.data.dict()),
    system=host.data.system,
)

nix.trust(
    name="Nix trusts the declared caches, keys and users, and nobody else",
    policy=policy_of(host.data.dict()),
    system=host.data.system,
)

machine.in_step(
    name="The machine is as declared",
    policy=policy_of(host.data.dict()),
    system=host.data.system,
)
