"""The sections of the report on process behaviour, a module each."""
