"""Entry points of the flows in a checkout; what is installed has them as `pfsetl.flows`."""
