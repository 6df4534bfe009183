"""Deployment: ``sync`` decides one pass; rollout, history, scaling, rolling and status answer one question each."""
