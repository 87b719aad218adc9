"""Evaluate models on data as the settings say, and give one result for each model."""
