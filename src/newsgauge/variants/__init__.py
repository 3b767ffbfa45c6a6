"""variants.toml and a post in; variants and requests in the service's terms out. Knows no SDK and no cassette."""
