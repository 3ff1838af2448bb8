"""The database as two calls, on SQLite and PostgreSQL; tables and their migrations."""
