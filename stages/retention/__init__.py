"""What more than one stage needs: small modules, one job each."""

from retention import sources as sources  # before any other: it looks at the code to be imported
