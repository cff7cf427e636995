"""Files that CMS publishes beside the releases: loaded into a store, unloaded, and what follows from them."""
