"""The assessment of a workload, and the gates, exemptions and findings that are made of assessments."""
