"""Why: overall and for each customer."""
