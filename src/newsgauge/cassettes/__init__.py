"""Recording and replaying: the only part of newsgauge that knows vcrpy.

``digest`` takes the post's text out of what is kept, ``line`` is the format of one recorded case, ``store`` the file
that holds a variant's lines, ``keeper`` writes an answered case into it, ``recorder`` wires them into vcrpy,
``staleness`` tells what changed, ``blocking`` keeps a replay off the network.
"""
