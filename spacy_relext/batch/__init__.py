"""Relations of more documents than one process should read: a plan of shards, workers on any machines, engines that hand shards out."""
