"""From an archive to typed frames, one per member, with every difference and reject accounted for."""
