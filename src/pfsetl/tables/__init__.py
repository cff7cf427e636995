"""From typed frames to the published tables: places, sections, exact amounts, comparisons."""
