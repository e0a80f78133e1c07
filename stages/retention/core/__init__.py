"""What every room may use: files, params, words, errors, how a stage runs."""
