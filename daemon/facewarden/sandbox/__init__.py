"""All that touches unknown bytes, run only inside a worker process. Imports the ground floor and its own rooms."""
