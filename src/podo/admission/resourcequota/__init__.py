"""ResourceQuota: what a namespace uses is counted, and what would be too much is refused.

``usage`` says what an object counts for, ``scopes`` which quotas it counts towards, ``check`` whether it fits: pure.
``accounts`` keeps ``status.used`` true while many write at the same time. ``plugin`` asks at every write.
"""
