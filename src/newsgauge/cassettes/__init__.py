"""Recording and replaying: the only part of newsgauge that knows vcrpy.

``seam`` is the one vcrpy cassette, ``open_case`` knows whose a request is and what answers it, ``services`` what counts
of a request. ``digest`` takes the post's text out of what is kept, ``line`` is the format of one recorded case,
``store`` the file that holds a variant's lines. ``recorder`` opens cases and writes their lines, ``staleness``
says what changed, ``network_block`` keeps a replay off the network.
"""
