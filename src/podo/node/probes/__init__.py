"""How a container is asked whether it is well, a file a way of asking. Each answers a ``ProbeResult``, whatever goes
wrong.
"""
