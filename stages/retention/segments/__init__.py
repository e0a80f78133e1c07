"""Who belongs together, and what tells them from the rest."""
