"""Statistics of any table: scores with intervals, effects, shrinkage."""
