"""Command lines that several test files use."""

#: Two labels, eight posts: trained in a moment.
SMALL = ["--classes", "^sci.(space|med)$", "--posts-per-class", "4"]
#: A job of 19,200 steps, which lasts unless somebody ends it.
LONG = ["--epochs", "100", "--batch-size", "1"]
