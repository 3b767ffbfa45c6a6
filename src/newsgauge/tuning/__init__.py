"""From training posts to a tuned model, found again and watched.

``training_set`` draws the examples, ``jobs`` is the interface of a tuning service and the choice of a job,
``developer`` and ``vertex`` are the two services, ``watching`` waits for a job, ``tuned_file`` remembers the model
where the suite finds it, ``loss_curve`` draws how the training went, ``bucket`` names where a training file goes.
"""
