"""Where things live: SQLAlchemy Core, the same statements on SQLite and PostgreSQL."""
