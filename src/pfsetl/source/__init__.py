"""From CMS to an archive on this machine: downloads, the cache, the zip."""
