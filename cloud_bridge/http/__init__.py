"""The typed HTTP layer: routes as data, problem+json, OpenAPI 3.1."""
