"""The page that a marketer opens."""
