"""The line from an archive to a published version: a request, its opened archive, stage, publish; one, or many."""
