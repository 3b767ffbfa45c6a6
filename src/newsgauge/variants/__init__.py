"""variants.toml and a post in; variants and the request in the service's words out. Knows no SDK and no cassette."""
