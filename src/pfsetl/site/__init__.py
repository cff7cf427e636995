"""A page to look at: data cut from a published version in small files, and the app that shows them."""
