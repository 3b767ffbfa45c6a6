"""The API's JSON: requests, responses, errors, names, pages, keys and quotas."""
