"""Recording a whole plan ahead of pytest: many calls side by side, at the pace that the account's quota allows.

``pending`` knows which cases have to be asked, ``preflight`` and ``paying`` what that takes, ``model_queue`` how fast,
``scheduler`` asks them all in one ``session``. ``batches`` asks through the services of ``batch_jobs`` instead;
``open_jobs`` remembers what is under way.
"""
