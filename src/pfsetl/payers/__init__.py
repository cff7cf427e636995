"""What payers publish of their rates, beside what Medicare pays for the same service."""
