"""What is proved before and beside the work: configuration, folders, emblems, drawn faces, labelled photos."""
