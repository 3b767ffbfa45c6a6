"""A name or a path in; raw posts out, and from each raw post the text that is asked about."""
