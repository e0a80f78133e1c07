"""How good the risk is, honestly, and against what."""
