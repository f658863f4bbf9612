"""Takes back what deploy.py wrote on a machine.

pyinfra inventory/team.py undo.py --limit NAME
"""

from pyinfra import host

from nixtrust.policy import policy_of
from operations import nix

nix.trust(
    name="nix.conf as it was before nixtrust",
    policy=policy_of(host.data.dict()),
    system=host.data.system,
    present=False,
)
