"""Workers that run other libraries, each in an environment of its own. They import nothing of this package."""
