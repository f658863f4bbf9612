"""What the main job sends to look at each machine, kept in a file of the machine's name.

pyinfra inventory/lab.py bench/look.py --data folder=FOLDER
"""

from pathlib import Path

from pyinfra import host

from nixtrust.facts import look
from nixtrust.policy import policy_of

Path(host.data.folder, host.name).write_text("".join(look(policy_of(host.data.dict()))))
