"""What Pillow reads: each container, its layouts, colours and orientation, and whether all of it is there."""
