"""Relations of thousands of texts: `extracting` for callers, `inputs` reads, `running` runs, `resuming` keeps what is finished."""
