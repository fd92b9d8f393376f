"""The sections on what sales and production have to do with each other, a module each."""
