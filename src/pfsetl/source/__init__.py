"""From CMS to an archive at hand: downloads, the cache, the zip."""
