"""The audit log: who asked the API server for what, and how it was answered.

``policy`` says how much of a request is noted, ``entry`` what is taken down of one, ``event`` its wire form,
``journal`` writes events in a thread of its own, ``auditor`` stands at the requests' way.
"""
