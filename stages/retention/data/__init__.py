"""From exports to one table that can be trusted."""
