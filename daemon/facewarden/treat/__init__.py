"""The same work without a service: files named on the command line, and a rehearsal that writes nothing."""
