"""Models, data and settings come in; one result a model goes out."""
