"""From annotated data to a config that trains: what `relext init-config` writes."""
