"""What more than one stage needs: small modules, one job each."""
