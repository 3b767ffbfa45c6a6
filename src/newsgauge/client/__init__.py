"""A request in; a response and its prediction out, or one of our errors. Knows neither cassettes nor pytest."""
