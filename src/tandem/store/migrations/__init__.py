"""Migrations, numbered; run by `Database.migrate`."""
