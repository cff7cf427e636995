"""What to declare for an archive that can't be read yet: rows for a person to read, from the nearest layout."""
