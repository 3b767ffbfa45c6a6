"""A name or a path in; raw posts out, and for each raw post the text to ask about."""
