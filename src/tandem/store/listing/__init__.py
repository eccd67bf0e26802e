"""The listing engine: scope, filter, sort, page, the same for every collection."""
