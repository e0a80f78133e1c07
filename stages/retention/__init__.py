"""What the scripts are made of: ten rooms, one a subject."""

import os

# Before pyarrow: its own pool gives pages back and takes them anew for each block that is read.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

# Before any other module: it looks at the code that is about to be imported.
from retention.core import sources as sources
