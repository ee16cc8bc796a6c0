"""Long runs of what the tests run in short: threads, random documents, changes of the code. Each is a command."""
