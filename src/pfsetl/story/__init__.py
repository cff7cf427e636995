"""The story of codes, read from published tables: what they paid since when, and what moved that."""
