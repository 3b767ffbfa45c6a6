"""The API's JSON: what a client may send, what is sent back, errors, names, pages, keys and quotas."""
