"""Where bytes lie, a folder or a bucket: objects that are created once and never changed."""
