"""Admission webhooks: which are asked about a write, what they are sent, and what becomes of their answers.

Source: "Dynamic Admission Control" of the Kubernetes documentation; API reference of AdmissionReview.
"""
