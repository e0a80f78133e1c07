"""What the scripts are made of: ten rooms, one a subject."""

# Before any other module: it looks at the code that is about to be imported.
from retention.core import sources as sources

# isort: split
from retention.core.memory import keep_at_hand

keep_at_hand()
