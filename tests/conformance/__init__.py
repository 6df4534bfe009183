"""Which rows of Kubernetes' conformance inventory podo proves, by which test: ``make conformance [AREA=apps]``."""
