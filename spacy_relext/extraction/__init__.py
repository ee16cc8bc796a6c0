"""Relations of thousands of texts: `inputs` reads them, `running` runs the pipeline, `resuming` keeps what is finished."""
