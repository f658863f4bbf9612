"""The demo's lab: a team's machines, each with a mess of its own, and the team's caches."""

from collections.abc import Iterable, Sequence

from lab import cache, machines
from lab.host import LabError
from lab.machines import Machine, MachineSpec

MACHINES = (
    MachineSpec("baleen", "trixie", "127.77.0.1", mess="cachix-advice"),
    MachineSpec(
        "jito", "bookworm", "127.77.0.2", mess="old-names", login="lead", member="jito.hello"
    ),
    MachineSpec("mia", "sid", "127.77.0.3", mess="trust-everybody", login="lead", member="mia"),
    MachineSpec("wrong-key", "trixie", "127.77.0.4", mess="wrong-key-first"),
    MachineSpec("extra-lines", "sid", "127.77.0.5", mess="extra-before-plain", login="lead"),
    MachineSpec("crlf", "bookworm", "127.77.0.6", mess="crlf", member="jito.hello"),
    MachineSpec("foreign", "trixie", "127.77.0.7", mess="included-foreign", login="lead"),
    MachineSpec("unsigned", "sid", "127.77.0.8", mess="unsigned", member="mia"),
    MachineSpec("installer", "trixie", "127.77.0.9", mess="installer", login="lead", member="mia"),
    MachineSpec("token", "trixie", "127.77.0.10", mess="token", login="lead"),
)


def up(names: Sequence[str]) -> list[Machine]:
    """Have the caches and the named machines of the demo running; all machines if none is named.

    Raises LabError for a name the demo does not have, and all that `machines.up` raises.
    """
    known = [spec.name for spec in MACHINES]
    for name in names:
        if name not in known:
            raise LabError(f"the demo has no machine {name!r}, only {', '.join(known)}")
    return bring_up(spec for spec in MACHINES if not names or spec.name in names)


def bring_up(specs: Iterable[MachineSpec]) -> list[Machine]:
    """Have these machines running, and the caches of their labs. Raises what `machines.up` does."""
    running = machines.up(specs)
    for lab in sorted({machine.spec.lab for machine in running}):
        cache.caches(lab).start()
    return running


def down(names: Sequence[str]) -> None:
    """Remove these machines, of whichever lab; a lab's name stands for all it has.

    What an `up` that was interrupted left of them goes as well. Without a name, the demo goes.
    Raises LabError for a name that is neither.
    """
    left = machines.traces()
    labs = [name for name in names if name in cache.LABS] if names else ["demo"]
    for name in names:
        if name not in left and name not in labs:
            raise LabError(f"nothing is called {name!r}; python -m lab status tells what is there")
    ours = {spec.name: spec.lab for spec in MACHINES}
    machines.down(
        name for name, its in left.items() if name in names or (its or ours.get(name)) in labs
    )
    for lab in labs:
        cache.remove(lab)
