"""The sections of the report on objectives, a module each."""
