"""The models that answer: reading prompts, the base model, tuned models and their training."""
