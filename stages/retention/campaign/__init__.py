"""Whom to contact, with what, at what gain."""
