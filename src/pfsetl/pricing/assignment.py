"""Who has to accept assignment: what Medicare allows is the whole price then, and there is no limiting charge."""

from pfsetl.pricing.service import PHYSICIAN, Service

ACT = "Social Security Act 1842(b)(18)"
ASSISTANT = "AS"  # says that it isn't a physician, though not who


def must_accept(service: Service) -> bool:
    """Return whether a line is a practitioner's who isn't a physician: the act names every one that a line can name."""
    return service.practitioner != PHYSICIAN or ASSISTANT in service.modifiers
