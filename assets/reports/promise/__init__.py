"""The sections of the report on promises, a module each."""
