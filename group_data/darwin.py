"""What the team's Macs trust other than `all.py` says: nothing so far."""
