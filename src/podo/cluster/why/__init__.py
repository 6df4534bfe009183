"""``podo why``: from a thing that is not as wanted down to the cause of it. Pure."""
