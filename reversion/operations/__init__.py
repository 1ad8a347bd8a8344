"""What the program can do, each built from adapters and pure values; used by tasks and by the command line."""
