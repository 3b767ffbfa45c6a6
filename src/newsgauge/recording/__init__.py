"""Recording a whole plan ahead of pytest: many calls at once, as fast as the account's quota allows.

``pending`` says which cases to ask, ``preflight`` and ``paying`` what that costs, ``model_queue`` how fast,
``scheduler`` asks them all in one ``session``. ``batches`` asks through the services of ``batch_jobs`` instead;
``open_jobs`` remembers what is under way.
"""
