"""HorizontalPodAutoscaler: as many replicas as the metrics of a workload ask for."""
