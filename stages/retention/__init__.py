"""What the scripts are made of: ten rooms, one a subject."""

# Before any other module: it looks at the code that is about to be imported.
from retention.core import sources as sources
