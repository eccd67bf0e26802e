"""Tandem: a self-hosted, multi-tenant console for file share backups."""

__version__ = "0.1.0"
