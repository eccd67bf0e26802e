"""The API as it describes itself: OpenAPI, made from routes and types, and the pages to browse it."""
