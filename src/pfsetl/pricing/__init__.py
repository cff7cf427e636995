"""From published tables to prices: a service on a day, and the lines of a claim."""
