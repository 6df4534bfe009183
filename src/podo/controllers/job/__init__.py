"""Job: ``sync`` is the controller; ``tally`` counts its pods, ``verdict`` says when it has ended, ``staffing`` which
pods it needs.
"""
