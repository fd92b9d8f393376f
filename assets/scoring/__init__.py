"""Statistics and scores as plain functions on arrays; the models that call them are in dbt."""
