"""Recording a whole plan ahead of pytest: many calls side by side, at the pace that the account's quota allows.

``written`` knows what a case's request would be, ``todo`` which cases have to be asked, ``bucket`` and ``concurrency``
how fast and how many at once, ``lane`` the cases of one model, ``campaign`` asks them all. ``batches`` asks through
jobs instead: ``jobs`` is what it needs of a service, ``batch_service`` and ``vertex_batches`` are the two services,
``open_jobs`` remembers what is under way.
"""
