"""What others wrote: trained networks and images in foreign formats, read into the project's own.

Everything read here becomes a workload file with its weights beside it (`spec/workload.py`,
`bnn/weights.py`); nothing downstream knows where a network came from.
"""
