"""Recording and replaying: the only part of newsgauge that knows vcrpy.

``seam`` is the one vcrpy cassette. ``open_case`` knows which case a request belongs to and what answers it.
``services`` says which parts of a request count. ``digest`` removes the post's text from what is kept. ``line`` is the
format of one recorded case, ``store`` the file with a variant's lines. ``recorder`` opens cases and writes their lines,
``staleness`` says what changed, ``network_block`` keeps a replay off the network.
"""
