"""The story of codes, read from published tables: what they are, what they paid since when, and what moved that."""
