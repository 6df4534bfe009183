"""What all tests share: property tests without a deadline of their own, since machines may be busy."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("podo", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("podo")
