"""Prefect flows over pfsetl: they add runs, retries and artifacts, and nothing in pfsetl knows of them."""
