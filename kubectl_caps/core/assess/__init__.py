"""The assessment of a workload, and the gates, exemptions and findings that use assessments."""
