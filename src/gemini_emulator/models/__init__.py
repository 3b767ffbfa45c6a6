"""The models that answer: the base model, training, and what becomes of a prompt."""
