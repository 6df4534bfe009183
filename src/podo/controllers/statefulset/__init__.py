"""StatefulSet: ``sync`` is the controller; ``identity`` what each numbered pod is like, ``storage`` its claims,
``rollout`` which pod goes next.
"""
