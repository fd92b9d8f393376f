"""The sections of the report on sales and production, each a question that both must answer."""
