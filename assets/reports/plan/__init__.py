"""The sections of the report on the plan and how far it can be relied on, a module each."""
