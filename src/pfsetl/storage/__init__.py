"""Where bytes are kept, in a folder or a bucket: objects that are created once and never changed."""
