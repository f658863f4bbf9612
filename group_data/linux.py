"""What the team's Linux machines trust other than `all.py` says: nothing so far."""
