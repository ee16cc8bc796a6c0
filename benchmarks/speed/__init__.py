"""Speed and memory of ways to find relations, side by side: those of this package, and other libraries in environments of their own.

`workloads` makes the documents; `ours` and `benchmarks/peers/*_worker.py` are workers, each a process that answers requests by
`benchmarks/peers/protocol.py`; `measuring` takes turns over them; `report` and `plots` make the page of the figures.
"""
